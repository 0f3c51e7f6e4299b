"""The choice over all frames of all drives: pure, and the same for the same frames in the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from enet_ros.arrays import F32, F64
from enet_ros.errors import ConfigError
from enet_ros.selection.likeness import Kept

BY: Final = ("time", "uncertainty", "novelty", "disagreement", "mixed")
"""How to choose a number of frames; see `choose`."""
APART_NS: Final = 1_000_000_000
"""Frames of one camera that are chosen by a score lie this far apart: neighbours are doubtful together."""


class Candidate(NamedTuple):
    """A frame that may be chosen.

    drive, topic, number   which it is: the drive's name, the image topic, the message's place within that
    stamp_ns, log_ns       of its header, and of its recording
    pose                   x, y, z in metres and the quaternion x, y, z, w, where the bag has one
    likeness               its `dhash`
    uncertainty            0..1, and disagreement likewise; NaN where not asked for
    feature                (D,) float32 of the network, empty where not asked for
    """

    drive: str
    topic: str
    number: int
    stamp_ns: int
    log_ns: int
    pose: tuple[float, ...] | None
    likeness: int
    uncertainty: float
    disagreement: float
    feature: F32


def choose(candidates: Sequence[Candidate], count: int | None, by: str, unlike: int) -> list[Candidate]:
    """`count` candidates (fewer where there are not so many), in the order given; all of them for None.

    time           evenly over the candidates
    uncertainty    the most doubtful, a second apart; disagreement likewise
    novelty        k-centre greedy (Sener and Savarese 2018, arXiv 1708.00489): each time the frame whose feature is
                   farthest from those of all chosen
    mixed          the same, with the distance times the mean rank, 0.5 to 1.5, of uncertainty and disagreement
    unlike         near-duplicates are left out: a frame whose hash differs in fewer bits from that of a chosen one
    Raises ConfigError for another way or a count below 1.
    """
    if by not in BY:
        raise ConfigError(f"there is no way {by!r} to choose; use one of {', '.join(BY)}")
    if count is not None and count < 1:
        raise ConfigError(f"--count {count}: use 1 or more")
    kept = Kept(unlike)
    if count is None or by == "time":
        unique = [index for index, candidate in enumerate(candidates) if kept.takes(candidate.likeness)]
        most = len(unique) if count is None else min(count, len(unique))
        chosen = [unique[place * len(unique) // most] for place in range(most)]
    elif by in ("novelty", "mixed"):
        weights = np.ones(len(candidates)) if by == "novelty" else _worth(candidates)
        features = np.stack([c.feature for c in candidates]) if candidates else np.empty((0, 1), np.float32)
        chosen = k_centre(features, weights, count, lambda index: kept.takes(candidates[index].likeness))
    else:
        chosen = _highest(candidates, [getattr(candidate, by) for candidate in candidates], count, kept)
    return [candidates[index] for index in sorted(chosen)]


def _highest(candidates: Sequence[Candidate], scores: Sequence[float], count: int, kept: Kept) -> list[int]:
    """The candidates of the highest scores, a second apart on each camera."""
    chosen: list[int] = []
    stamps: dict[tuple[str, str], list[int]] = {}
    for index in np.argsort(-np.nan_to_num(np.asarray(scores), nan=-1.0), kind="stable").tolist():
        candidate = candidates[index]
        taken = stamps.setdefault((candidate.drive, candidate.topic), [])
        if any(abs(candidate.stamp_ns - other) < APART_NS for other in taken) or not kept.takes(candidate.likeness):
            continue
        taken.append(candidate.stamp_ns)
        chosen.append(index)
        if len(chosen) == count:
            break
    return chosen


def _worth(candidates: Sequence[Candidate]) -> F64:
    """(N,) 0.5..1.5: the mean rank of the scores that are known."""
    ranks = []
    for name in ("uncertainty", "disagreement"):
        scores = np.array([getattr(candidate, name) for candidate in candidates])
        if scores.size and np.isfinite(scores).all():
            places = np.argsort(np.argsort(scores, kind="stable"), kind="stable")
            ranks.append(places / max(len(scores) - 1, 1))
    return np.asarray(0.5 + np.mean(ranks, 0) if ranks else np.ones(len(candidates)), np.float64)


def k_centre(features: F32, weights: F64, count: int, takes: Callable[[int], bool]) -> list[int]:
    """Indices of `count` rows of features (N, D), each the farthest, times its weight, from those before it.

    The first is that farthest from the mean. A row that `takes` refuses is passed over for good.
    """
    chosen: list[int] = []
    distance = np.linalg.norm(features - features.mean(0), axis=1) if len(features) else np.empty(0)
    nearest = np.full(len(features), np.inf)
    open_ = np.ones(len(features), bool)
    while len(chosen) < count and open_.any():
        index = int(np.argmax(np.where(open_, distance * weights, -1.0)))
        open_[index] = False
        if takes(index):
            chosen.append(index)
            nearest = np.minimum(nearest, np.linalg.norm(features - features[index], axis=1))
            distance = nearest
    return chosen


class Pace:
    """Says of the frames of one camera, in order, which are far enough in time and place from the last one taken.

    every_ns: nanoseconds; moved_m: metres. Where both are given, both must be so. 0 asks for nothing.
    """

    def __init__(self, every_ns: int = 0, moved_m: float = 0.0) -> None:
        self._every_ns, self._moved_m = every_ns, moved_m
        self._last_ns: int | None = None
        self._place: F64 | None = None

    def takes(self, stamp_ns: int, pose: Iterable[float] | None) -> bool:
        """Whether to take this frame; a stamp that jumps back begins anew. One without a pose has not moved."""
        early = self._last_ns is not None and 0 <= stamp_ns - self._last_ns < self._every_ns
        place = None if pose is None else np.asarray(tuple(pose)[:3], np.float64)
        if self._moved_m:
            if place is None:
                return False
            early |= self._place is not None and float(np.linalg.norm(place - self._place)) < self._moved_m
        if early:
            return False
        self._last_ns, self._place = stamp_ns, place
        return True
