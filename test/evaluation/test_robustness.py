"""What is left of a score under corruptions, of an engine that reads the label off the image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID, ClassTable
from enet_ros.datasets.corruptions import Corruption, parse
from enet_ros.engines.base import Inference
from enet_ros.errors import ConfigError
from enet_ros.evaluation.robustness import Loss, Robustness, corrupted, robustness
from enet_ros.frames import Frame, Source
from enet_ros.spec import ENetSpec

TABLE = ClassTable("two", ("dark", "light"), ((0, 0, 0), (9, 9, 9)), frozenset({"light"}))


class Light:
    """Calls light what is bright."""

    info = SimpleNamespace(name="light", size=(8, 16))

    def infer_many(self, images: Iterable[np.ndarray], **options: object) -> Iterator[Inference]:
        for image in images:
            yield Inference((image[..., 0] > 127).astype(np.uint8), None)


def source(count: int) -> Source:
    """Frames of the engine's size, bright on the right, whose truth says so."""
    labels = np.zeros((8, 16), np.uint8)
    labels[:, 8:] = 1
    rgb = np.repeat((60 + 140 * labels)[..., None], 3, 2).astype(np.uint8)
    loads = [lambda index=index: Frame(f"f{index}", index + 1, rgb, labels) for index in range(count)]
    return Source("two", "two", count, 10.0, lambda: iter(loads), TABLE)


def test_each_corruption_is_scored_on_every_frame() -> None:
    seen = []
    card = ModelCard("light", ENetSpec(2), TABLE, (8, 16))
    found = robustness(source(3), Light(), card, parse("all:5"), lambda: seen.append(1))
    assert found.miou == found.drivable_iou == 1.0 and len(found.losses) == 13 and len(seen) == 3 * 14
    by_name = {loss.corruption.name: loss.miou for loss in found.losses}
    assert by_name["night"] == 0.25 and by_name["tint"] > 0.5  # all dark: half of one class is right, the other is lost
    assert by_name["zoom"] == 1.0  # labels move with the pixels


def test_shares_and_errors_are_means_over_severities_and_corruptions() -> None:
    losses = (
        Loss(Corruption("rain", 1), 0.6, 0.9),
        Loss(Corruption("rain", 2), 0.4, 0.8),
        Loss(Corruption("jpeg", 1), 0.7, 0.6),
    )
    found = Robustness(0.8, 0.9, losses)
    assert found.kept("rain") == pytest.approx((0.5 / 0.8, 0.85 / 0.9))
    assert found.kept() == pytest.approx((np.mean([0.5, 0.7]) / 0.8, np.mean([0.85, 0.6]) / 0.9))
    assert found.mean_corruption_error() == pytest.approx(1 - np.mean([0.5, 0.7]))
    assert found.to_dict()["corruptions"]["rain:2"] == {"miou": 0.4, "drivable_iou": 0.8}


def test_labels_of_another_size_do_not_move() -> None:
    frame = Frame("f", 1, np.zeros((8, 16, 3), np.uint8), np.zeros((4, 8), np.uint8))
    one = Source("odd", "odd", 1, 10.0, lambda: iter([lambda: frame]), CAMVID)
    with pytest.raises(ConfigError, match="lens:3 moves image and labels together, but those of f differ"):
        list(corrupted(one, Corruption("lens")))
    assert next(iter(corrupted(one, Corruption("noise")))).truth is frame.truth
