"""Robustness: what a model loses by bad light, bad cameras and other lenses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from enet_ros.card import ModelCard
from enet_ros.datasets.corruptions import Corruption
from enet_ros.errors import ConfigError
from enet_ros.evaluation.score import evaluate
from enet_ros.figures import finite_or_none
from enet_ros.frames import Frame, Source

if TYPE_CHECKING:
    from enet_ros.engines.base import Engine


class Loss(NamedTuple):
    """What is left under one corruption, as scores 0..1."""

    corruption: Corruption
    miou: float
    drivable_iou: float


class Robustness(NamedTuple):
    """Scores of the frames as they are, and under each corruption."""

    miou: float
    drivable_iou: float
    losses: tuple[Loss, ...]

    def kept(self, name: str | None = None) -> tuple[float, float]:
        """Share of mIoU and of drivable IoU left by one corruption or by all; NaN where nothing was there to lose."""
        miou, drivable = self._means(name)
        return _share(miou, self.miou), _share(drivable, self.drivable_iou)

    def mean_corruption_error(self) -> float:
        """Mean over corruptions of the mean over severities of 1 - mIoU (ImageNet-C's, without its baseline)."""
        return 1.0 - self._means(None)[0]

    def _means(self, name: str | None) -> tuple[float, float]:
        """mIoU and drivable IoU: means over the severities of each corruption, then over the corruptions."""
        names = dict.fromkeys(loss.corruption.name for loss in self.losses) if name is None else (name,)
        of = [[(loss.miou, loss.drivable_iou) for loss in self.losses if loss.corruption.name == n] for n in names]
        miou, drivable = np.mean([np.mean(each, 0) for each in of], 0)
        return float(miou), float(drivable)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "mean_corruption_error": finite_or_none(self.mean_corruption_error()),
            "kept_miou": finite_or_none(self.kept()[0]),
            "kept_drivable_iou": finite_or_none(self.kept()[1]),
            "corruptions": {
                str(loss.corruption): {key: finite_or_none(getattr(loss, key)) for key in ("miou", "drivable_iou")}
                for loss in self.losses
            },
        }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def corrupted(source: Source, corruption: Corruption, begin: int = 0) -> Source:
    """The source's frames under a corruption; lens and pose are kept only where they still hold.

    begin: which of a longer source its first frame is, so that a part is altered as in the whole.
    """

    def alter(frame: Frame, index: int) -> Frame:
        labels = np.zeros(frame.rgb.shape[:2], np.uint8) if frame.truth is None else frame.truth
        if corruption.moves and labels.shape != frame.rgb.shape[:2]:
            raise ConfigError(f"{corruption} moves image and labels together, but those of {frame.name} differ in size")
        rgb, moved = corruption(frame.rgb, labels, begin + index)
        return frame._replace(rgb=rgb, truth=None if frame.truth is None else moved)

    altered = source.altered(alter)
    return replace(altered, calibration=None, pose=None) if corruption.moves else altered


def robustness(
    source: Source,
    engine: Engine,
    card: ModelCard,
    corruptions: Sequence[Corruption],
    seen: Callable[[], None] = lambda: None,
    caution: float = 0.0,
) -> Robustness:
    """Score the source as it is and under each corruption; `seen` is called after each frame. Raises as `evaluate`."""

    def scored(frames: Source) -> tuple[float, float]:
        scores = evaluate(frames, engine, card, None, lambda frame, labels, score: seen(), caution).scores
        return scores.confusion.miou(), scores.drivable.iou

    losses = tuple(Loss(corruption, *scored(corrupted(source, corruption))) for corruption in corruptions)
    return Robustness(*scored(source), losses)
