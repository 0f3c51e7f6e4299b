"""The confusion matrix, and every figure that is read off it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.arrays import F64, I64, U8
from enet_ros.classes import VOID
from enet_ros.errors import ConfigError, DatasetError


class GroupScore(NamedTuple):
    """Scores of some classes against all others, by pixels; NaN where there is nothing to divide by."""

    iou: float
    precision: float
    recall: float


class ConfusionMatrix:
    """Pixels counted by true and predicted class.

    Pixels whose truth is void are left out. A pixel predicted void where the truth is a class is an error
    of that class (a false negative) and of no other, so that abstaining cannot raise a score.

    counts  (C, C+1) int64: rows truth, columns prediction, the last column predictions of void
    """

    def __init__(self, num_classes: int) -> None:
        """ConfigError unless 1 <= num_classes <= 254."""
        if not 1 <= num_classes <= 254:
            raise ConfigError(f"a confusion matrix cannot have {num_classes} classes; use 1..254")
        self.counts = np.zeros((num_classes, num_classes + 1), np.int64)

    @property
    def num_classes(self) -> int:
        """C, the number of classes."""
        return len(self.counts)

    @property
    def matrix(self) -> I64:
        """(C, C) int64: `counts` without the column of void predictions."""
        return self.counts[:, : self.num_classes]

    @property
    def pixels(self) -> int:
        """The number of pixels compared: those whose truth is a class."""
        return int(self.counts.sum())

    def add(self, truth: U8, predicted: U8) -> None:
        """Count a frame: both (H, W) uint8, void 255.

        Raises DatasetError where the sizes differ or a value is neither a class nor void.
        """
        if truth.shape != predicted.shape:
            raise DatasetError(f"truth is {truth.shape}, prediction {predicted.shape}; scale one to the other")
        # one 16-bit key a pixel, truth above prediction, so that a single pass counts them
        keys = cv2.merge([np.ascontiguousarray(predicted), np.ascontiguousarray(truth)]).view("<u2")
        table = np.bincount(keys.reshape(-1), minlength=1 << 16).reshape(256, 256)
        size = self.num_classes
        for what, totals in (("truth", table.sum(1)), ("prediction", table.sum(0))):
            if (strangers := np.flatnonzero(totals[size:VOID])).size:
                raise DatasetError(f"the {what} has label {strangers[0] + size}; use 0..{size - 1} or {VOID}")
        self.counts[:, :size] += table[:size, :size]
        self.counts[:, size] += table[:size, VOID]

    def __iadd__(self, other: ConfusionMatrix) -> ConfusionMatrix:
        """Add another's counts. Raises ConfigError where the numbers of classes differ."""
        if other.num_classes != self.num_classes:
            raise ConfigError(f"matrices of {self.num_classes} and {other.num_classes} classes do not add up")
        self.counts += other.counts
        return self

    def iou(self) -> F64:
        """(C,) intersection over union a class; NaN for a class that is in neither truth nor prediction."""
        hits = np.diagonal(self.matrix)
        return _ratio(hits, self.counts.sum(1) + self.matrix.sum(0) - hits)

    def miou(self) -> float:
        """Mean IoU over the classes that occur in truth or prediction, all frames together; NaN if none."""
        return _mean(self.iou())

    def recall(self) -> F64:
        """(C,) share of each class's pixels that were found; NaN for a class absent from the truth."""
        return _ratio(np.diagonal(self.matrix), self.counts.sum(1))

    def precision(self) -> F64:
        """(C,) share of each class's predicted pixels that are right; NaN for a class never predicted."""
        return _ratio(np.diagonal(self.matrix), self.matrix.sum(0))

    def class_accuracy(self) -> float:
        """Mean recall over the classes in the truth ('class average' of the ENet paper); NaN if none."""
        return _mean(self.recall())

    def pixel_accuracy(self) -> float:
        """Share of compared pixels that are right ('global average'); NaN without pixels."""
        return float(_ratio(np.trace(self.matrix), self.counts.sum()))

    def group(self, ids: Iterable[int]) -> GroupScore:
        """Of a set of classes taken as one, such as all drivable ones."""
        inside = np.zeros(self.num_classes, bool)
        inside[list(ids)] = True
        hits = self.matrix[np.ix_(inside, inside)].sum()
        true, predicted = self.counts[inside].sum(), self.matrix[:, inside].sum()
        iou, precision, recall = (float(_ratio(hits, n)) for n in (true + predicted - hits, predicted, true))
        return GroupScore(iou, precision, recall)


def _ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> F64:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    ratio: F64 = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return ratio


def _mean(values: F64) -> float:
    occurring = values[~np.isnan(values)]
    return float(occurring.mean()) if occurring.size else float("nan")
