"""Cityscapes (Cordts et al. 2016): `leftImg8bit/SPLIT/CITY`, `gtFine/SPLIT/CITY`, label ids to 19 classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from enet_ros.arrays import U8
from enet_ros.classes import CITYSCAPES, VOID
from enet_ros.datasets.base import PairDataset, Sample
from enet_ros.datasets.files import find_images, find_label
from enet_ros.datasets.labels import IdLabels, ids_of
from enet_ros.errors import DatasetError

SPLITS = ("train", "val", "test")
IMAGE_SUFFIX = "_leftImg8bit"
LABEL_SUFFIXES = (
    "_gtFine_labelIds",
    "_gtFine_labelTrainIds",
    "_gtCoarse_labelIds",
    "_gtCoarse_labelTrainIds",
)

TRAIN_IDS = {
    7: "road", 8: "sidewalk", 11: "building", 12: "wall", 13: "fence", 17: "pole", 19: "traffic light",
    20: "traffic sign", 21: "vegetation", 22: "terrain", 23: "sky", 24: "person", 25: "rider", 26: "car",
    27: "truck", 28: "bus", 31: "train", 32: "motorcycle", 33: "bicycle",
}  # fmt: skip
"""Which of the label ids 0..33 are evaluated (cityscapesScripts, helpers/labels.py); the others are void."""


class CityscapesLabels:
    """Decodes `*_labelIds.png` by TRAIN_IDS, and `*_labelTrainIds.png` as they are."""

    def __init__(self) -> None:
        ids = dict.fromkeys((*range(34), VOID), VOID)
        ids.update({value: CITYSCAPES.index(name) for value, name in TRAIN_IDS.items()})
        self._label_ids = IdLabels(ids)
        self._train_ids = IdLabels(ids_of(CITYSCAPES.num_classes))

    def __call__(self, raw: npt.NDArray[Any], path: Path) -> U8:
        """As `LabelDecoder`: (H, W) uint8."""
        decoder = self._train_ids if path.stem.endswith("TrainIds") else self._label_ids
        return decoder(raw, path)


def pairs(images: Path, labels: Path) -> PairDataset:
    """Frames below one folder with the labels below another, city by city. Raises DatasetError."""
    samples = []
    for path in find_images(images):
        name = path.stem.removesuffix(IMAGE_SUFFIX)
        stems = [name + suffix for suffix in LABEL_SUFFIXES]
        label = find_label(path, images, labels, [*stems, path.stem])
        samples.append(Sample(name, path, label, name.rpartition("_")[0]))
    return PairDataset(CITYSCAPES, tuple(samples), CityscapesLabels())


def cityscapes(root: Path, split: str, fine: bool = True) -> PairDataset:
    """A split of Cityscapes; `fine=False` takes gtCoarse. DatasetError names the first image without a label.

    The labels of `test` are not public: the files of that name hold void alone.
    """
    if split not in SPLITS:
        raise DatasetError(f"Cityscapes has no split {split!r}; use one of {', '.join(SPLITS)}")
    if not (root / "leftImg8bit").is_dir():
        raise DatasetError(f"{root} has no leftImg8bit/; unpack leftImg8bit_trainvaltest and gtFine_trainvaltest there")
    return pairs(root / "leftImg8bit" / split, root / ("gtFine" if fine else "gtCoarse") / split)
