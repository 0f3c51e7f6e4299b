"""Open a dataset by the name of its layout, as command lines do."""

from __future__ import annotations

import importlib
from pathlib import Path

from enet_ros.datasets.base import PairDataset
from enet_ros.errors import ConfigError

LAYOUTS = ("camvid", "cityscapes", "sunrgbd")
"""Each a module of this package with a function of the same name: (root, split) -> PairDataset."""


def open_dataset(layout: str, root: Path, split: str) -> PairDataset:
    """A split ("train", "val" or "test") of a dataset. Raises ConfigError, or DatasetError from the layout."""
    if layout not in LAYOUTS:
        raise ConfigError(f"there is no dataset layout {layout!r}; use one of {', '.join(LAYOUTS)}, or a folder pair")
    module = importlib.import_module(f"enet_ros.datasets.{layout}")
    dataset: PairDataset = getattr(module, layout)(root, split)
    return dataset
