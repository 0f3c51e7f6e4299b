"""IDD Lite (Varma et al. 2019, Indian Driving Dataset): 1607 frames in seven coarse classes, many cameras.

`train` and `trainannot`, `val` and `valannot`: images `DRIVE_FRAME.jpg`, grey labels 0-6 of the same name, ignore 255.
Images are 320x227.
"""

from __future__ import annotations

from pathlib import Path

from enet_ros.classes import IDD_LITE
from enet_ros.datasets.base import PairDataset
from enet_ros.datasets.splits import Splits

_SPLITS = Splits("IDD Lite", IDD_LITE, lambda stem: stem.rpartition("_")[0])


def pairs(images: Path, labels: Path) -> PairDataset:
    """Frames of one folder with the labels of another. Raises DatasetError."""
    return _SPLITS.pairs(images, labels)


def idd_lite(root: Path, split: str) -> PairDataset:
    """The split "train" or "val". DatasetError names the first image without a label."""
    return _SPLITS.open(root, split)
