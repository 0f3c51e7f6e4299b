"""Recipes say what the paper says, and refuse what cannot train."""

from __future__ import annotations

import pytest

from enet_ros.errors import ConfigError
from enet_ros.train.recipe import DEFAULT, NO_AUGMENTATION, PAPER


def test_paper_recipe_is_section_5_1() -> None:
    assert (PAPER.optimizer, PAPER.learning_rate, PAPER.weight_decay, PAPER.batch) == ("adam", 5e-4, 2e-4, 10)
    assert PAPER.class_weight_c == 1.02
    assert PAPER.encoder_epochs > 0
    assert PAPER.augmentation == NO_AUGMENTATION
    assert PAPER.rate(0, 300) == PAPER.rate(299, 300) == 5e-4


def test_cosine_rises_then_falls_to_a_hundredth() -> None:
    rates = [DEFAULT.rate(epoch, 100) for epoch in range(101)]
    assert rates[0] < rates[1] < rates[2]
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] == pytest.approx(DEFAULT.learning_rate / 100)


@pytest.mark.parametrize(
    "change",
    [{"epochs": 0}, {"batch": 0}, {"optimizer": "sgd"}, {"schedule": "poly"}, {"learning_rate": -1.0}, {"seed": -3}],
)
def test_a_bad_value_is_named(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=str(next(iter(change.values())))):
        DEFAULT.with_(**change)


def test_none_keeps_a_value() -> None:
    assert DEFAULT.with_(epochs=None, batch=3) == DEFAULT.with_(batch=3)
