"""A dataset of one's own, as `enet_ros dataset import` writes it: pictures, masks, what they mean, a split by drives.

classes.yaml   the class table (`enet_ros.datasets.folder`)
images/DRIVE/  pictures, a folder for each drive
labels/DRIVE/  masks of the same names, PNG with class ids, void 255
split.yaml     optional: `train: [DRIVE, ...]` and `val: [DRIVE, ...]`; without it every frame is for training
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from enet_ros.classes import ClassTable
from enet_ros.datasets.base import PairDataset
from enet_ros.datasets.folder import load_format
from enet_ros.errors import DatasetError

CLASSES, IMAGES, LABELS, SPLIT = "classes.yaml", "images", "labels", "split.yaml"
PARTS = ("train", "val")


def is_own(root: Path) -> bool:
    """Whether a folder is such a dataset."""
    return (root / CLASSES).is_file()


def has_val(root: Path) -> bool:
    """Whether the dataset is split."""
    return (root / SPLIT).is_file()


def whole(root: Path) -> PairDataset:
    """All labelled frames. DatasetError where a file is missing."""
    if not is_own(root):
        raise DatasetError(f"{root} has no {CLASSES}: it is no dataset that `enet_ros dataset import` has written")
    return load_format(root / CLASSES).pairs(root / IMAGES, root / LABELS)


def part(root: Path, split: str) -> PairDataset:
    """The frames of "train" or "val". Raises DatasetError as `split_of`, and for `val` where there is no split."""
    dataset = whole(root)
    if not has_val(root):
        if split == "train":
            return dataset
        raise DatasetError(f"{root} is not split: enet_ros dataset split {root}")
    drives = split_of(root, dataset)[PARTS.index(split)]
    return dataset.select(lambda sample: sample.sequence in drives)


def split_of(root: Path, dataset: PairDataset) -> tuple[list[str], list[str]]:
    """The drives to train on and those to score on.

    Raises DatasetError where the file is unreadable, a drive is in both or in neither, or there is no such drive.
    """
    path = root / SPLIT
    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        train, val = ([str(drive) for drive in values[name]] for name in PARTS)
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise DatasetError(f"{path} does not list drives as train: [...] and val: [...] ({error})") from None
    if both := sorted(set(train) & set(val)):
        raise DatasetError(
            f"{path} has drive {both[0]!r} in train and in val: scores on frames trained on say nothing; choose one"
        )
    known = {sample.sequence for sample in dataset.samples}
    for drives, fault in (
        ((set(train) | set(val)) - known, "is not in images/"),
        (known - set(train) - set(val), "is in no part"),
    ):
        if drives:
            raise DatasetError(
                f"{path}: drive {min(drives)!r} {fault}; split again: enet_ros dataset split {root} --force"
            )
    return train, val


def split_text(train: list[str], val: list[str]) -> str:
    """The content of split.yaml."""
    return yaml.safe_dump({"train": train, "val": val}, sort_keys=False)


def table_text(table: ClassTable) -> str:
    """A class table as YAML, for masks of its ids with void 255."""
    return yaml.safe_dump(json.loads(json.dumps(table.to_dict(), default=sorted)), sort_keys=False)
