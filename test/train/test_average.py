"""The moving average of weights: its start, its pace, and a checkpoint of it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from enet_ros.train.stages import Average


def network(value: float) -> nn.Module:
    module = nn.BatchNorm1d(2)
    with torch.no_grad():
        module.weight.fill_(value)
        module.running_mean.fill_(10 * value)  # type: ignore[union-attr]
    return module


def test_it_follows_by_a_share_that_shrinks_to_one_minus_the_decay() -> None:
    average = Average(network(0.0), 0.5)
    expected = 0.0
    for step, value in enumerate((1.0, -2.0, 4.0, 4.0, 4.0, 1.0, 0.0, 3.0, 9.0), 1):
        average.update(network(value))
        share = 1 - min(0.5, (1 + step) / (10 + step))
        expected += share * (value - expected)
        assert average.state["weight"].tolist() == pytest.approx([expected] * 2)
        assert average.state["running_mean"].tolist() == pytest.approx([10 * expected] * 2)
    assert share == 0.5


def test_without_decay_it_is_the_latest() -> None:
    average = Average(network(0.0), 0.0)
    average.update(network(3.0))
    average.update(network(7.0))
    assert average.state["weight"].tolist() == [7.0, 7.0]


def test_it_goes_on_from_a_checkpoint_as_if_it_had_not_ended() -> None:
    whole = Average(network(0.0), 0.9)
    for value in (1.0, 2.0, 3.0):
        whole.update(network(value))
    resumed = Average(network(5.0), 0.9)
    resumed.load({name: tensor.clone() for name, tensor in whole.state.items()}, whole.steps)
    for average in (whole, resumed):
        average.update(network(4.0))
    assert resumed.state["weight"].equal(whole.state["weight"])
