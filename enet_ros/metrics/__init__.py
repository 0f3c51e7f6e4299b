"""Scores of labels: confusion matrix and IoU, calibration of the confidence, errors at boundaries."""

from __future__ import annotations

from enet_ros.metrics.bootstrap import Difference
from enet_ros.metrics.boundary import BoundaryScore, dilated, edges
from enet_ros.metrics.calibration import Calibration, ReliabilityBin
from enet_ros.metrics.comparison import Comparer, Comparison, FrameChange, Verdict
from enet_ros.metrics.confusion import ConfusionMatrix, GroupScore
from enet_ros.metrics.safety import DrivableCurve
from enet_ros.metrics.scorer import FrameScore, Scorer, Scores

__all__ = [
    "BoundaryScore",
    "Calibration",
    "Comparer",
    "Comparison",
    "ConfusionMatrix",
    "Difference",
    "DrivableCurve",
    "FrameChange",
    "FrameScore",
    "GroupScore",
    "ReliabilityBin",
    "Scorer",
    "Scores",
    "Verdict",
    "dilated",
    "edges",
]
