"""Open a dataset by what a user types: `--dataset camvid --data DIR`, or two folders and `--classes NAME`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from enet_ros.classes import IDD_LITE, LUMS, ClassTable
from enet_ros.datasets import camvid, cityscapes, own, sunrgbd
from enet_ros.datasets.base import PairDataset, paired
from enet_ros.datasets.folder import format_of
from enet_ros.datasets.labels import IdLabels, ids_of
from enet_ros.errors import ConfigError, DatasetError


class Layout(NamedTuple):
    """A dataset that is known by name.

    split  (root, split) -> the labelled frames of a split
    pairs  (images, labels) -> those of two folders that follow its file names and label values
    """

    title: str
    splits: tuple[str, ...]
    split: Callable[[Path, str], PairDataset]
    pairs: Callable[[Path, Path], PairDataset]


def _plain(title: str, table: ClassTable, sequence_of: Callable[[str], str] = lambda name: "") -> Layout:
    """A set in `train`, `trainannot`, `val`, `valannot`: grey labels by class id, void 255, named as their images."""
    pairs = partial(paired, table, IdLabels(ids_of(table.num_classes)), sequence_of=sequence_of)
    return Layout(title, ("train", "val"), lambda root, split: pairs(root / split, root / f"{split}annot"), pairs)


LAYOUTS: Final[Mapping[str, Layout]] = {
    "camvid": Layout("CamVid", ("train", "val", "test"), camvid.camvid, camvid.pairs),
    "cityscapes": Layout("Cityscapes", ("train", "val", "test"), cityscapes.cityscapes, cityscapes.pairs),
    "sunrgbd": Layout("SUN RGB-D", ("train", "test"), sunrgbd.sunrgbd, sunrgbd.pairs),
    # Varma et al. 2019, Indian Driving Dataset: 1607 frames of 320x227 by many cameras, named DRIVE_FRAME.jpg.
    "idd_lite": _plain("IDD Lite", IDD_LITE, lambda name: name.rpartition("_")[0]),
    # 401 frames of one campus's roads by a robot's camera.
    "lums": _plain("LUMS", LUMS),
    "own": Layout("a dataset of your own", own.PARTS, own.part, lambda images, labels: own.whole(images.parent)),
}


def open_dataset(layout: str, root: Path, split: str) -> PairDataset:
    """A split ("train", "val" or "test") of one of LAYOUTS.

    Raises ConfigError for an unknown layout. Raises DatasetError for a split that it does not have, and where files are
    missing: the error names the first image without a label.
    """
    if layout not in LAYOUTS:
        raise ConfigError(f"there is no dataset layout {layout!r}; use one of {', '.join(LAYOUTS)}, or a folder pair")
    title, splits, open_split, _ = LAYOUTS[layout]
    if split not in splits:
        raise DatasetError(f"{title} has no split {split!r}; use one of {', '.join(splits)}")
    return open_split(root, split)


def open_pairs(images: Path, labels: Path, classes: str) -> PairDataset:
    """The images of one folder with the labels of another.

    classes  one of LAYOUTS, whose label values and file names then hold; or a class table, built-in or YAML
             (`enet_ros.datasets.folder`)

    Raises DatasetError naming the first image without a label, ConfigError for unknown classes.
    """
    open_folders = LAYOUTS[classes].pairs if classes in LAYOUTS else format_of(classes).pairs
    return open_folders(images, labels)


def table_of(classes: str) -> ClassTable:
    """The class table behind a built-in name or a YAML file. Raises ConfigError or DatasetError."""
    return format_of(classes).table
