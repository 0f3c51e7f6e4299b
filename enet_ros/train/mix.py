"""Mix: the datasets of a run, which of their frames it trains on, and which it scores on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from enet_ros.classes import ClassTable
from enet_ros.datasets.base import Pair, PairDataset
from enet_ros.datasets.opening import LAYOUTS, open_dataset, open_pairs
from enet_ros.errors import ConfigError
from enet_ros.train.batches import Part
from enet_ros.train.stages import fit_size, shrink_to
from enet_ros.train.targets import Targets

WITH_VAL = ("camvid", "cityscapes", "idd_lite", "lums")
"""Layouts with a split `val`; SUN RGB-D has `train` and `test` alone."""


class SetSpec(NamedTuple):
    """A dataset by its layout and folder; `share` is how often an epoch takes each of its frames."""

    layout: str
    root: Path
    share: float = 1.0

    @classmethod
    def parse(cls, text: str, layout: str | None = None) -> SetSpec:
        """`camvid=DIR` or `camvid=DIR:0.5`, or `DIR` of a layout given apart. ConfigError for other texts."""
        match = re.fullmatch(rf"(?:({'|'.join(LAYOUTS)})=)?(.+?)(?::([0-9.]+))?", text)
        named = match and (match[1] or layout)
        if match is None or not named:
            raise ConfigError(
                f"--data {text}: write LAYOUT=DIR or LAYOUT=DIR:SHARE, with {', '.join(LAYOUTS)}, or add --dataset"
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
    folders   a folder pair beside them, or instead
    hold_out  sequences to score on, of whichever set, instead of the splits `val`
    with_val  train on the splits `val` too, where they are not held out
    """

    sets: tuple[SetSpec, ...] = ()
    folders: FolderSpec | None = None
    hold_out: tuple[str, ...] = ()
    with_val: bool = False


class Mix(NamedTuple):
    """The frames of a run, labels in the values of `targets`.

    exact     the frames to train on whose dataset has the model's own classes; balanced on
    held_out  frames of such datasets that are scored on
    """

    targets: Targets
    parts: list[Part]
    exact: list[Pair]
    held_out: list[Pair]
    description: str


class _Opened(NamedTuple):
    """A dataset's splits: `train`, and `val` where there is one that is wanted."""

    name: str
    train: PairDataset
    val: PairDataset | None
    share: float


def load(config: DataConfig, size: tuple[int, int], table: ClassTable | None, fallback: ClassTable | None) -> Mix:
    """Read all frames, none larger than `size` = (height, width).

    The model's classes are those of `table`, else of the first set that has classes of its own, else `fallback`.
    ConfigError where there are none, or the options do not fit the data; DatasetError from the sets.
    """
    opened = _open(config)
    _check(config, opened)
    own = next((one.train.table for one in opened if not one.train.table.means), fallback)
    if (table := table or own) is None:
        raise ConfigError("these sets have coarse classes alone; name the model's by --model-classes, such as camvid")
    targets = Targets(table)
    parts, exact, held_out, told = [], [], [], []
    for one in opened:
        values = targets.values_of(one.train.table)

        def read(sources: Iterable[PairDataset | None], held: bool) -> Iterator[Pair]:
            for source in filter(None, sources):
                for index, sample in enumerate(source.samples):
                    if (sample.sequence in config.hold_out) == held:
                        image, labels = source.read(index)
                        yield image, values[labels]  # noqa: B023 (consumed before the next turn)

        pairs = shrink_to(read((one.train, one.val if config.with_val else None), False), size)
        if not pairs:
            continue
        parts.append(Part(pairs, one.share))
        told.append(f"{len(pairs)} of {one.name}{f' x {one.share:g}' if one.share != 1 else ''}")
        if not one.train.table.means:
            exact += pairs
            if config.hold_out:
                held_out += fit_size(read((one.train, one.val if config.with_val else None), True), size)
            elif not config.with_val:
                held_out += fit_size(read((one.val,), False), size)
    if not parts:
        raise ConfigError(f"--hold-out {' '.join(config.hold_out)} leaves no frame to train on")
    return Mix(targets, parts, exact, held_out, ", ".join(told))


def _open(config: DataConfig) -> list[_Opened]:
    opened = []
    for layout, root, share in config.sets:
        val = open_dataset(layout, root, "val") if layout in WITH_VAL and _wants_val(config) else None
        opened.append(_Opened(layout, open_dataset(layout, root, "train"), val, share))
    if config.folders:
        pairs = open_pairs(*config.folders)
        opened.append(_Opened(pairs.table.name, pairs, None, 1.0))
    if not opened:
        raise ConfigError("give --data LAYOUT=DIR, or --images, --labels and --classes")
    return opened


def _wants_val(config: DataConfig) -> bool:
    return config.with_val or not config.hold_out


def _check(config: DataConfig, opened: list[_Opened]) -> None:
    if config.with_val and not any(one.val for one in opened):
        raise ConfigError(f"--with-val needs --data of {', '.join(WITH_VAL)}: other data has no split `val`")
    sources = [source for one in opened for source in (one.train, one.val) if source]
    known = {sample.sequence for source in sources for sample in source.samples}
    if strange := sorted(set(config.hold_out) - known):
        raise ConfigError(f"--hold-out names {strange}; this data has the sequences {sorted(known)}")
