"""Labels that a good model doubts: pixels on which it is sure of something else than the annotator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from enet_ros.arrays import U8, Bool
from enet_ros.card import ModelCard
from enet_ros.classes import VOID
from enet_ros.datasets.base import PairDataset
from enet_ros.evaluation.predict import predict
from enet_ros.frames import Source
from enet_ros.metrics import dilated, edges
from enet_ros.selection.likeness import bits_apart, dhash

if TYPE_CHECKING:
    from enet_ros.engines.base import Engine

SURE = 0.95
"""Probability from which on a model counts as sure."""
_RIM = 0.006
"""Pixels so near to a boundary of the labels, as a share of the width, are left out: there nobody is exact."""
_TWIN_BITS = 3


class Suspicion(NamedTuple):
    """A frame's doubtful labels.

    name     DRIVE/PICTURE
    share    of its labelled pixels, 0..1
    most     name of the class that the annotator gave most of them, and of the one that the model sees there
    pixels   (H, W) bool: which they are
    """

    name: str
    share: float
    most: tuple[str, str]
    image: U8
    truth: U8
    labels: U8
    pixels: Bool


class Suspicions(NamedTuple):
    """The most suspicious frames, the worst first; of all frames, how many have a share above zero."""

    worst: list[Suspicion]
    frames: int
    total: int


def suspicions(
    source: Source, engine: Engine, card: ModelCard, most: int, advance: Callable[[], None] = lambda: None
) -> Suspicions:
    """Ask a model about every label of a source that has a table. Raises ConfigError where the classes do not match."""
    if source.table is None:
        raise AssertionError("a dataset has a table")
    names = (*source.table.names, "void")
    worst: list[Suspicion] = []
    doubted = total = 0
    for frame, labels, confidence, _ in predict(source, engine, card, source.table):
        advance()
        if frame.truth is None or confidence is None:
            continue
        total += 1
        truth = frame.truth
        rim = dilated(edges(truth), max(1, round(_RIM * truth.shape[1])))
        known = truth != VOID
        pixels = known & (labels != truth) & (labels != VOID) & (confidence >= round(255 * SURE)) & ~rim
        share = float(pixels.sum() / max(1, known.sum()))
        doubted += share > 0
        if share > 0 and (len(worst) < most or share > worst[-1].share):
            pairs = truth[pixels].astype(np.int64) * 256 + labels[pixels]
            given, seen = divmod(int(np.bincount(pairs).argmax()), 256)
            found = (names[given], names[seen])
            name = frame.name if frame.file is None else f"{frame.drive}/{frame.file.stem}"
            worst.append(Suspicion(name, share, found, frame.rgb, truth, labels, pixels))
            worst = sorted(worst, key=lambda one: -one.share)[:most]
    return Suspicions(worst, doubted, total)


class Twin(NamedTuple):
    """Two frames of different parts of a split that show one picture."""

    train: str
    val: str


def twins(train: PairDataset, val: PairDataset) -> list[Twin]:
    """For each frame of `val` that looks as one of `train` does (dHash, 3 of 64 bits at most), that pair."""
    hashes = [dhash(train.read(index)[0]) for index in range(len(train))]
    found = []
    for index, sample in enumerate(val.samples):
        apart = bits_apart(hashes, dhash(val.read(index)[0]))
        if apart.min() <= _TWIN_BITS:
            found.append(Twin(train.samples[int(apart.argmin())].name, sample.name))
    return found
