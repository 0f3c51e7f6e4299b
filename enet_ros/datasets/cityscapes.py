"""Cityscapes (Cordts et al. 2016): `leftImg8bit/SPLIT/CITY`, `gtFine/SPLIT/CITY`, label ids to 19 classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from enet_ros.arrays import U8
from enet_ros.classes import CITYSCAPES, VOID
from enet_ros.datasets.base import PairDataset, paired
from enet_ros.datasets.labels import IdLabels, ids_of
from enet_ros.errors import DatasetError

_LABEL_SUFFIXES = ("_gtFine_labelIds", "_gtFine_labelTrainIds", "_gtCoarse_labelIds", "_gtCoarse_labelTrainIds")
_IMAGE_SUFFIX = "_leftImg8bit"

TRAIN_IDS = {
    7: "road", 8: "sidewalk", 11: "building", 12: "wall", 13: "fence", 17: "pole", 19: "traffic light",
    20: "traffic sign", 21: "vegetation", 22: "terrain", 23: "sky", 24: "person", 25: "rider", 26: "car",
    27: "truck", 28: "bus", 31: "train", 32: "motorcycle", 33: "bicycle",
}  # fmt: skip
"""Which of the label ids 0..33 are evaluated (cityscapesScripts, helpers/labels.py); the others are void."""


_TRAIN_ID_FILES = IdLabels(ids_of(CITYSCAPES.num_classes))
_LABEL_ID_FILES = IdLabels(
    dict.fromkeys((*range(34), VOID), VOID) | {value: CITYSCAPES.index(name) for value, name in TRAIN_IDS.items()}
)


def pairs(images: Path, labels: Path) -> PairDataset:
    """Frames below one folder with the labels below another, city by city. Raises DatasetError.

    `*_labelTrainIds.png` hold class ids; other label files hold the label ids of TRAIN_IDS.
    """

    def decode(raw: npt.NDArray[Any], path: Path) -> U8:
        return (_TRAIN_ID_FILES if path.stem.endswith("TrainIds") else _LABEL_ID_FILES)(raw, path)

    return paired(
        CITYSCAPES,
        decode,
        images,
        labels,
        label_stems=lambda name: (*(name + suffix for suffix in _LABEL_SUFFIXES), name + _IMAGE_SUFFIX, name),
        image_suffix=_IMAGE_SUFFIX,
        sequence_of=lambda name: name.rpartition("_")[0],
    )


def cityscapes(root: Path, split: str) -> PairDataset:
    """A split of Cityscapes with its fine labels. DatasetError names the first image without a label.

    The labels of `test` are not public: the files of that name hold void alone.
    """
    if not (root / "leftImg8bit").is_dir():
        raise DatasetError(f"{root} has no leftImg8bit/; unpack leftImg8bit_trainvaltest and gtFine_trainvaltest there")
    return pairs(root / "leftImg8bit" / split, root / "gtFine" / split)
