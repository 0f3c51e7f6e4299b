"""Errors at the boundaries, which a mean over areas hides: IoU in a band around them, and F1 of their pixels."""

from __future__ import annotations

import cv2
import numpy as np

from enet_ros.arrays import U8, Bool
from enet_ros.classes import VOID
from enet_ros.errors import ConfigError
from enet_ros.metrics.confusion import ConfusionMatrix


def edges(labels: U8) -> Bool:
    """(H, W) bool: both pixels of each pair of 4-neighbours that have different labels, neither void."""
    mask = np.zeros(labels.shape, bool)
    for here, there in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1, :], np.s_[1:, :]),
    ):
        a, b = labels[here], labels[there]
        differ = (a != b) & (a != VOID) & (b != VOID)
        mask[here] |= differ
        mask[there] |= differ
    return mask


def dilated(mask: Bool, radius: int) -> Bool:
    """(H, W) bool: pixels at most `radius` pixels (Euclidean) from one in the mask."""
    if not mask.any():
        return mask
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(outside <= radius)


class BoundaryScore:
    """Scores within `radius` pixels of the boundaries, all frames together.

    confusion  over the band around the true boundaries: its `miou()` is the 'trimap' IoU (Kohli et al. 2009)
    f1         of edge pixels, matched within the radius both ways (Csurka et al. 2013), classes aside
    """

    def __init__(self, num_classes: int, radius: int = 3) -> None:
        """ConfigError unless the radius is at least one pixel."""
        if radius < 1:
            raise ConfigError(f"a boundary radius of {radius} pixels holds nothing; use 1 or more")
        self.radius = radius
        self.confusion = ConfusionMatrix(num_classes)
        self._predicted = self._predicted_hits = self._true = self._true_hits = 0

    def add(self, truth: U8, predicted: U8) -> None:
        """Count a frame: both (H, W) uint8, void 255. Raises DatasetError as `ConfusionMatrix.add`."""
        true_edges = edges(truth)
        near_true = dilated(true_edges, self.radius)
        self.confusion.add(np.where(near_true, truth, np.uint8(VOID)), predicted)
        # An edge predicted where nothing is labelled is neither right nor wrong.
        predicted_edges = edges(predicted) & ~dilated(truth == VOID, self.radius)
        near_predicted = dilated(edges(predicted), self.radius)
        self._predicted += int(predicted_edges.sum())
        self._predicted_hits += int((predicted_edges & near_true).sum())
        self._true += int(true_edges.sum())
        self._true_hits += int((true_edges & near_predicted).sum())

    def __iadd__(self, other: BoundaryScore) -> BoundaryScore:
        """Add another's counts, of the same radius and number of classes."""
        self.confusion += other.confusion
        for name in ("_predicted", "_predicted_hits", "_true", "_true_hits"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    def miou(self) -> float:
        """Mean IoU over the band around the true boundaries; NaN without one."""
        return self.confusion.miou()

    def f1(self) -> float:
        """Harmonic mean of edge precision and recall, 0..1; NaN where neither side has an edge."""
        if not self._predicted and not self._true:
            return float("nan")
        precision = self._predicted_hits / self._predicted if self._predicted else 0.0
        recall = self._true_hits / self._true if self._true else 0.0
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
