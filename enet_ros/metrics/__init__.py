"""How right labels are: confusion matrix and IoU, calibration of the confidence, error at boundaries."""

from __future__ import annotations

from enet_ros.metrics.boundary import BoundaryScore, boundary_band, edges
from enet_ros.metrics.calibration import Calibration, ReliabilityBin
from enet_ros.metrics.confusion import ConfusionMatrix

__all__ = [
    "BoundaryScore",
    "Calibration",
    "ConfusionMatrix",
    "ReliabilityBin",
    "boundary_band",
    "edges",
]
