"""Mistakes by what they cost a driver: Safe mIoU, and how sure a model is of the ground that is drivable."""

from __future__ import annotations

import numpy as np

from enet_ros.arrays import F64, U8
from enet_ros.classes import VOID, ClassTable
from enet_ros.classes.kinds import TRAFFIC, kinds
from enet_ros.metrics.confusion import ConfusionMatrix


def safe_miou(matrix: ConfusionMatrix, table: ClassTable) -> float:
    """Safe mIoU (Shaik et al., IDD-AW, WACV 2024), from -1 up to the mIoU; NaN where a class has no known kind.

    From a class's IoU is taken, for each class s that its pixels were given, their share of the union times d / 3: for
    every s where the class takes part in traffic, else for those s that do. d is half the way between the two in the
    hierarchy of classes: 2 within a kind, 3 between kinds. (Below the kinds the hierarchy is left out; there a truck
    and a bus would be 1 apart.) A pixel called void is missing from the IoU and costs no more.
    """
    kind = np.array([kind or "" for kind in kinds(table)])
    if not kind[np.arange(len(kind)) != table.void].all():
        return float("nan")
    traffic = np.isin(kind, list(TRAFFIC))
    cost = np.where(kind[:, None] == kind, 2 / 3, 1.0) * (traffic[:, None] | traffic)
    np.fill_diagonal(cost, 0.0)
    union = matrix.counts.sum(1) + matrix.matrix.sum(0) - np.diagonal(matrix.matrix)
    safe = matrix.iou() - (cost * matrix.matrix).sum(1) / np.maximum(union, 1)
    occurring = safe[~np.isnan(safe)]
    return float(occurring.mean()) if occurring.size else float("nan")


class DrivableCurve:
    """Precision and recall of 'drivable' at every strictness, from labels and confidences alone.

    The pixels in the order in which a model that grows bolder would call them drivable: those it does call so, the
    surest first, then the others, the least sure first.

    counts  (2, 512) int64: pixels that are not drivable and that are, by their place in that order
    """

    def __init__(self, table: ClassTable) -> None:
        self._drivable = table.membership(table.drivable) > 0
        self.counts = np.zeros((2, 512), np.int64)

    def add(self, truth: U8, predicted: U8, confidence: U8) -> None:
        """Count a frame, all three (H, W) uint8; pixels whose truth is void are left out."""
        known = truth != VOID
        predicted, sure = self._drivable[predicted[known]], confidence[known].astype(np.int64)
        place = np.where(predicted, 255 - sure, 256 + sure) + 512 * self._drivable[truth[known]]
        self.counts += np.bincount(place, minlength=1024).reshape(2, 512)

    def __iadd__(self, other: DrivableCurve) -> DrivableCurve:
        """Add another's counts."""
        self.counts += other.counts
        return self

    def points(self) -> tuple[F64, F64]:
        """Recall, ascending, and precision where it grows: both (N,) 0..1, empty where no truth is drivable."""
        wrong, right = self.counts.cumsum(1)[:, self.counts[1] > 0]
        return right / max(1, self.counts[1].sum()), right / (wrong + right)

    def precision_at(self, recall: float) -> float:
        """The best precision 0..1 at no less than that recall; NaN where no truth is drivable."""
        recalls, precisions = self.points()
        return float(precisions[recalls >= recall].max(initial=0.0)) if recalls.size else float("nan")
