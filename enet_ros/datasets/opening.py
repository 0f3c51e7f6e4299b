"""Open a dataset by what a user types: `--dataset camvid --data DIR`, or two folders and `--classes NAME`."""

from __future__ import annotations

import importlib
from pathlib import Path

from enet_ros.classes import ClassTable
from enet_ros.datasets.base import PairDataset
from enet_ros.datasets.folder import folder, format_of
from enet_ros.errors import ConfigError

LAYOUTS = ("camvid", "cityscapes", "sunrgbd", "idd_lite", "lums")
"""Each a module of this package with a function of the same name: (root, split) -> PairDataset, and with
`pairs`: (images, labels) -> PairDataset, for two folders that follow its file names and label values."""


def open_dataset(layout: str, root: Path, split: str) -> PairDataset:
    """A split ("train", "val" or "test") of a dataset. Raises ConfigError, or the layout's DatasetError."""
    if layout not in LAYOUTS:
        raise ConfigError(f"there is no dataset layout {layout!r}; use one of {', '.join(LAYOUTS)}, or a folder pair")
    module = importlib.import_module(f"enet_ros.datasets.{layout}")
    dataset: PairDataset = getattr(module, layout)(root, split)
    return dataset


def open_pairs(images: Path, labels: Path, classes: str) -> PairDataset:
    """The images of one folder with the labels of another.

    classes  one of LAYOUTS, whose label values and file names then hold; or a class table, built-in or YAML
             (`enet_ros.datasets.folder`)

    Raises DatasetError naming the first image without a label, ConfigError for unknown classes.
    """
    if classes not in LAYOUTS:
        return folder(images, labels, classes)
    module = importlib.import_module(f"enet_ros.datasets.{classes}")
    dataset: PairDataset = module.pairs(images, labels)
    return dataset


def table_of(classes: str) -> ClassTable:
    """The class table behind a built-in name or a YAML file. Raises ConfigError or DatasetError."""
    return format_of(classes).table
