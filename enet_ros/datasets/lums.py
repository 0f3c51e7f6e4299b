"""LUMS: 401 frames of one campus's roads from a robot's camera, in five coarse classes.

`train` and `trainannot`, `val` and `valannot`: images and grey labels 0-4 of the same names, ignore 255.
"""

from __future__ import annotations

from pathlib import Path

from enet_ros.classes import LUMS
from enet_ros.datasets.base import PairDataset
from enet_ros.datasets.splits import Splits

_SPLITS = Splits("LUMS", LUMS)


def pairs(images: Path, labels: Path) -> PairDataset:
    """Frames of one folder with the labels of another. Raises DatasetError."""
    return _SPLITS.pairs(images, labels)


def lums(root: Path, split: str) -> PairDataset:
    """The split "train" or "val". DatasetError names the first image without a label."""
    return _SPLITS.open(root, split)
