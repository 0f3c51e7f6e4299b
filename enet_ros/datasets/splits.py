"""Splits: sets that lie in `train`, `trainannot`, `val` and `valannot`, labels in grey by class id, void 255."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from enet_ros.classes import ClassTable
from enet_ros.datasets.base import PairDataset, Sample
from enet_ros.datasets.files import find_images, find_label
from enet_ros.datasets.labels import IdLabels, ids_of
from enet_ros.errors import DatasetError

SPLITS = ("train", "val")


@dataclass(frozen=True)
class Splits:
    """A set by its name as people write it, its classes, and how a file's stem tells its recording."""

    title: str
    table: ClassTable
    sequence_of: Callable[[str], str] = lambda stem: ""

    def pairs(self, images: Path, labels: Path) -> PairDataset:
        """Frames of one folder with the labels of another. Raises DatasetError."""
        samples = tuple(
            Sample(path.stem, path, find_label(path, images, labels, (path.stem,)), self.sequence_of(path.stem))
            for path in find_images(images)
        )
        return PairDataset(self.table, samples, IdLabels(ids_of(self.table.num_classes)))

    def open(self, root: Path, split: str) -> PairDataset:
        """The split "train" or "val". DatasetError names the first image without a label."""
        if split not in SPLITS:
            raise DatasetError(f"{self.title} has no split {split!r}; use one of {', '.join(SPLITS)}")
        return self.pairs(root / split, root / f"{split}annot")
