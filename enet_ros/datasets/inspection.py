"""What a dataset holds: frames and drives, sizes, shares of the classes; and a split of its drives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from enet_ros.classes import VOID, ClassTable
from enet_ros.datasets.base import PairDataset
from enet_ros.errors import DatasetError


class DatasetInfo(NamedTuple):
    """A dataset, read through once.

    drives   frames of each; sizes: frames of each (height, width)
    pixels   of each class, in the table's order; void: pixels without a label
    frames   in how many frames each class occurs
    empty    names of frames without a label, and of frames with one class alone
    """

    table: ClassTable
    drives: Counter[str]
    sizes: Counter[tuple[int, int]]
    pixels: tuple[int, ...]
    void: int
    frames: tuple[int, ...]
    empty: tuple[str, ...]
    single: tuple[str, ...]


def inspect(dataset: PairDataset, advance: Callable[[], None] = lambda: None) -> DatasetInfo:
    """Read every frame. Raises DatasetError as `PairDataset.read`: a damaged file, another size, an unknown value."""
    drives: Counter[str] = Counter()
    sizes: Counter[tuple[int, int]] = Counter()
    total, occurs = np.zeros(256, np.int64), np.zeros(256, np.int64)
    empty, single = [], []
    for index, sample in enumerate(dataset.samples):
        _, labels = dataset.read(index)
        counts = np.bincount(labels.ravel(), minlength=256)
        total += counts
        occurs += counts > 0
        drives[sample.sequence] += 1
        sizes[labels.shape[0], labels.shape[1]] += 1
        classes = int((counts[:VOID] > 0).sum())
        if classes == 0:
            empty.append(sample.name)
        elif classes == 1:
            single.append(sample.name)
        advance()
    known = dataset.table.num_classes
    pixels, frames = (tuple(counts[:known].tolist()) for counts in (total, occurs))
    return DatasetInfo(dataset.table, drives, sizes, pixels, int(total[VOID]), frames, tuple(empty), tuple(single))


def split_drives(drives: Counter[str], share: float) -> tuple[list[str], list[str]]:
    """(train, val): whole drives, of which those for val have about `share` of the frames, at least one drive each.

    The drives are taken by size, so that the same dataset is always split alike: of all sums that can be made the one
    next to the share (by dynamic programming over frames). Raises DatasetError for fewer than two drives.
    """
    if not 0 < share < 1:
        raise DatasetError(f"a share of {share:g} for val: use more than 0 and less than 1, such as 0.2")
    if "" in drives or len(drives) < 2:
        raise DatasetError(
            f"{len(drives)} drive cannot be split: frames of one drive resemble one another, so scores on some of them"
            " say nothing of other roads; record another drive, or train on all and score on a dataset of its own"
        )
    ordered = sorted(drives, key=lambda drive: (drives[drive], drive))
    wanted = share * sum(drives.values())
    sums: dict[int, tuple[str, ...]] = {0: ()}
    for drive in ordered:
        for total, chosen in list(sums.items()):
            sums.setdefault(total + drives[drive], (*chosen, drive))
    usable = {total: chosen for total, chosen in sums.items() if 0 < len(chosen) < len(drives)}
    val = usable[min(usable, key=lambda total: (abs(total - wanted), total))]
    return sorted(set(drives) - set(val)), sorted(val)
