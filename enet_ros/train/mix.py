"""The data of a run: its datasets, which of their frames it trains on and scores on, and what their labels mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from enet_ros.arrays import U8, Bool
from enet_ros.classes import VOID, ClassTable, members
from enet_ros.datasets import own
from enet_ros.datasets.base import Pair, PairDataset, Sample
from enet_ros.datasets.opening import LAYOUTS, open_dataset, open_pairs
from enet_ros.errors import ConfigError
from enet_ros.train.batches import Part

WITH_VAL = ("camvid", "cityscapes", "idd_lite", "lums")
"""Layouts with a split `val`; SUN RGB-D has `train` and `test` alone."""
MOST_CLASSES = 62
"""Classes of a model at most: `losses.Objective` holds a set of them as bits of an integer."""


class SetSpec(NamedTuple):
    """A dataset by its layout and folder; `share` is how often an epoch takes each of its frames."""

    layout: str
    root: Path
    share: float = 1.0

    @classmethod
    def parse(cls, text: str, layout: str | None = None) -> SetSpec:
        """Read `camvid=DIR`, `camvid=DIR:0.5`, `DIR` of a layout given apart or of one's own. Raises ConfigError."""
        match = re.fullmatch(rf"(?:({'|'.join(LAYOUTS)})=)?(.+?)(?::([0-9.]+))?", text)
        named = match and (match[1] or layout or ("own" if own.is_own(Path(match[2])) else None))
        if match is None or not named:
            raise ConfigError(
                f"--data {text}: write LAYOUT=DIR or LAYOUT=DIR:SHARE, with {', '.join(LAYOUTS)}, or add --dataset;"
                " DIR alone is a folder that `enet_ros dataset import` has written"
            )
        try:
            share = float(match[3] or 1)
        except ValueError:
            share = 0.0
        if not 0 < share <= 100:
            raise ConfigError(f"--data {text}: the share is {match[3]}; use a number up to 100, such as 0.5 or 2")
        return cls(named, Path(match[2]), share)


class FolderSpec(NamedTuple):
    """A folder of images with a folder of labels; `classes` as in `enet_ros.datasets.opening.open_pairs`."""

    images: Path
    labels: Path
    classes: str


@dataclass(frozen=True)
class DataConfig:
    """What to train on.

    sets      datasets by layout
    folders   a pair of folders beside them, or instead
    hold_out  sequences of any of the sets to score on, instead of the splits `val`
    with_val  train on the splits `val` too, where they are not held out
    """

    sets: tuple[SetSpec, ...] = ()
    folders: FolderSpec | None = None
    hold_out: tuple[str, ...] = ()
    with_val: bool = False


class Targets:
    """The meaning of the values in a run's labels.

    Values 0..C-1 are the model's classes, the following ones sets of them that coarser datasets need, 255 is void.
    """

    def __init__(self, table: ClassTable) -> None:
        """ConfigError where the table has too many classes."""
        if table.num_classes > MOST_CLASSES:
            raise ConfigError(
                f"class table {table.name!r} has {table.num_classes} classes; training takes at most {MOST_CLASSES}"
            )
        self.table = table
        self._sets = [tuple(row) for row in np.eye(table.num_classes, dtype=bool).tolist()]

    def __str__(self) -> str:
        """Table and sets as text, by which a checkpoint is told from another run's."""
        sets = ("".join("01"[flag] for flag in row) for row in self._sets[self.table.num_classes :])
        return f"classes of {self.table.name}, sets {' '.join(sets) or 'none'}"

    @property
    def sets(self) -> Bool:
        """(256, C) bool: the classes that a pixel of a value may have; all of them for void and unused values."""
        sets = np.ones((256, self.table.num_classes), bool)
        sets[: len(self._sets)] = self._sets
        return sets

    def values_of(self, coarse: ClassTable) -> U8:
        """(256,) uint8: the run's value for each label value of a dataset. ConfigError as `members`."""
        values = np.full(256, VOID, np.uint8)
        for value, row in enumerate(members(coarse, self.table).tolist()):
            if any(row):
                if tuple(row) not in self._sets:
                    self._sets.append(tuple(row))
                values[value] = self._sets.index(tuple(row))
        if len(self._sets) > VOID:
            raise ConfigError(f"these datasets have more than {VOID} classes and sets of classes together")
        return values


class Mix(NamedTuple):
    """The frames of a run, labels in the values of `targets`.

    exact     the frames to train on whose dataset has the model's own classes, on which outputs are balanced
    held_out  frames of such datasets that are scored on
    """

    targets: Targets
    parts: list[Part]
    exact: list[Pair]
    held_out: list[Pair]
    description: str


class _Opened(NamedTuple):
    """A dataset: the splits to train on, save sequences that are held out, and those to score on as a whole."""

    name: str
    table: ClassTable
    train: list[PairDataset]
    val: list[PairDataset]
    share: float = 1.0


def load(config: DataConfig, size: tuple[int, int], table: ClassTable | None, fallback: ClassTable | None) -> Mix:
    """Read all frames, none larger than `size` = (height, width).

    The model's classes are those of `table`, else of the first set that has classes of its own, else `fallback`.
    ConfigError where there are none, or the options do not fit the data; DatasetError from the sets.
    """
    opened = _open(config)
    own = next((one.table for one in opened if not one.table.means), fallback)
    if (table := table or own) is None:
        raise ConfigError("these sets have coarse classes alone; name the model's by --model-classes, such as camvid")
    targets = Targets(table)
    parts, exact, held_out, told = [], [], [], []
    for one in opened:
        values = targets.values_of(one.table)
        pairs = shrink_to(_read(one.train, values, lambda sample: sample.sequence not in config.hold_out), size)
        if not pairs:
            continue
        parts.append(Part(pairs, one.share))
        told.append(f"{len(pairs)} of {one.name}{f' x {one.share:g}' if one.share != 1 else ''}")
        if not one.table.means:
            exact += pairs
            held_out += fit_size(_read(one.train, values, lambda sample: sample.sequence in config.hold_out), size)
            held_out += fit_size(_read(one.val, values, lambda sample: True), size)
    if not parts:
        raise ConfigError(f"--hold-out {' '.join(config.hold_out)} leaves no frame to train on")
    return Mix(targets, parts, exact, held_out, ", ".join(told))


def _open(config: DataConfig) -> list[_Opened]:
    """The datasets of a run. Raises ConfigError where there are none or the options ask for what they lack."""
    opened = []
    for layout, root, share in config.sets:
        train = open_dataset(layout, root, "train")
        has_val = own.has_val(root) if layout == "own" else layout in WITH_VAL
        wanted = has_val and (config.with_val or not config.hold_out)
        val = [open_dataset(layout, root, "val")] if wanted else []
        splits = ([train, *val], []) if config.with_val else ([train], val)
        opened.append(_Opened(layout, train.table, *splits, share))
    if config.folders:
        pairs = open_pairs(*config.folders)
        opened.append(_Opened(pairs.table.name, pairs.table, [pairs], []))
    if not opened:
        raise ConfigError("give --data LAYOUT=DIR, or --images, --labels and --classes")
    if config.with_val and all(len(one.train) == 1 for one in opened):
        raise ConfigError(f"--with-val needs --data of {', '.join(WITH_VAL)}: other data has no split `val`")
    trained, scored = (
        {sample.sequence for one in opened if one.name == "own" for source in part(one) for sample in source.samples}
        for part in (attrgetter("train"), attrgetter("val"))
    )
    if both := sorted(trained & scored):
        raise ConfigError(
            f"drive {both[0]!r} is trained on in one dataset and scored on in another: scores on frames trained on say"
            " nothing; put it into one part of both (enet_ros dataset split)"
        )
    known = {sample.sequence for one in opened for source in one.train for sample in source.samples}
    if strange := sorted(set(config.hold_out) - known):
        raise ConfigError(f"--hold-out names {strange}; this data has the sequences {sorted(known)}")
    return opened


def _read(sources: Iterable[PairDataset], values: U8, wanted: Callable[[Sample], bool]) -> Iterator[Pair]:
    for source in sources:
        for index, sample in enumerate(source.samples):
            if wanted(sample):
                image, labels = source.read(index)
                yield image, values[labels]


def fit_size(pairs: Iterable[Pair], size: tuple[int, int]) -> list[Pair]:
    """Pairs resized to (height, width), one after the other: images by area, labels by nearest neighbour."""
    return [_resized(pair, size) for pair in pairs]


def shrink_to(pairs: Iterable[Pair], size: tuple[int, int]) -> list[Pair]:
    """As `fit_size`, but sides that are shorter than (height, width) stay: augmentation magnifies them in one step."""
    return [_resized(pair, (min(pair[1].shape[0], size[0]), min(pair[1].shape[1], size[1]))) for pair in pairs]


def _resized(pair: Pair, size: tuple[int, int]) -> Pair:
    image, labels = pair
    if labels.shape == size:
        return pair
    where = (size[1], size[0])
    small: U8 = np.asarray(cv2.resize(image, where, interpolation=cv2.INTER_AREA), np.uint8)
    return small, np.asarray(cv2.resize(labels, where, interpolation=cv2.INTER_NEAREST), np.uint8)
