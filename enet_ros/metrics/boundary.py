"""Errors at the boundaries, which a mean over areas hides: IoU in a band around them, and F1 of their pixels."""

from __future__ import annotations

import cv2
import numpy as np

from enet_ros.arrays import I64, U8, Bool
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
    edges      (4,) int64: edge pixels predicted, of them near a true one, true ones, of them near a predicted one
    """

    def __init__(self, num_classes: int, radius: int = 3) -> None:
        """ConfigError unless the radius is at least one pixel."""
        if radius < 1:
            raise ConfigError(f"a boundary radius of {radius} pixels holds nothing; use 1 or more")
        self.radius = radius
        self.confusion = ConfusionMatrix(num_classes)
        self.edges: I64 = np.zeros(4, np.int64)

    def add(self, truth: U8, predicted: U8) -> None:
        """Count a frame: both (H, W) uint8, void 255. Raises DatasetError as `ConfusionMatrix.add`."""
        true_edges = edges(truth)
        near_true = dilated(true_edges, self.radius)
        self.confusion.add(np.where(near_true, truth, np.uint8(VOID)), predicted)
        # An edge predicted where nothing is labelled is neither right nor wrong.
        predicted_edges = edges(predicted) & ~dilated(truth == VOID, self.radius)
        near_predicted = dilated(edges(predicted), self.radius)
        pixels = predicted_edges, predicted_edges & near_true, true_edges, true_edges & near_predicted
        self.edges += [int(each.sum()) for each in pixels]

    def __iadd__(self, other: BoundaryScore) -> BoundaryScore:
        """Add another's counts, of the same radius and number of classes."""
        self.confusion += other.confusion
        self.edges += other.edges
        return self

    def miou(self) -> float:
        """Mean IoU over the band around the true boundaries; NaN without one."""
        return self.confusion.miou()

    def f1(self) -> float:
        """Harmonic mean of edge precision and recall, 0..1; NaN where neither side has an edge."""
        predicted, predicted_hits, true, true_hits = self.edges.tolist()
        if not predicted and not true:
            return float("nan")
        precision = predicted_hits / predicted if predicted else 0.0
        recall = true_hits / true if true else 0.0
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
