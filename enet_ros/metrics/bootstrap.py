"""Is one model better than another on the same frames? Differences with intervals, by resampling groups of frames.

The bootstrap (Efron and Tibshirani 1993, percentile intervals) draws whole groups, because frames of one drive resemble
one another: drives where there are enough of them, else blocks of consecutive frames (Kuensch 1989).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from enet_ros.arrays import F64, I64
from enet_ros.metrics.confusion import ConfusionMatrix

LEAST_DRIVES = 6
"""With fewer there is nothing to resample: blocks of frames are drawn, which says nothing of other drives."""
RESAMPLES = 2000
_LEVEL = 95.0

Figures = Callable[[ConfusionMatrix], Sequence[float]]


class Difference(NamedTuple):
    """A figure of two models, and the interval of 95 % of what the second has more; NaN where it is undefined."""

    before: float
    after: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of zero, else 0: cannot be told."""
        return int(self.low > 0) - int(self.high < 0)


class Groups(NamedTuple):
    """Which frames are drawn together. number: (F,) int64 of each frame's group, 0..G-1; kind: for people."""

    number: I64
    kind: str


def groups_of(drives: Sequence[str]) -> Groups:
    """Groups for frames in order of time, by the drive of each ("" where it is not known)."""
    names = list(dict.fromkeys(drives))
    number = np.array([names.index(drive) for drive in drives], np.int64)
    if len(names) >= LEAST_DRIVES and "" not in names:
        return Groups(number, f"{len(names)} drives")
    length = math.isqrt(max(len(drives) - 1, 0)) + 1
    place = np.zeros(len(drives), np.int64)  # of a frame in its drive
    for drive in range(len(names)):
        place[number == drive] = np.arange(np.count_nonzero(number == drive))
    _, blocks = np.unique(np.stack([number, place // length]), axis=1, return_inverse=True)
    known = "drives are not known" if "" in names else f"fewer than {LEAST_DRIVES} drives ({len(names)})"
    told = f"{known}, so the interval is for more frames of these roads, not for others"
    return Groups(blocks.reshape(-1), f"{blocks.max(initial=-1) + 1} blocks of at most {length} frames: {told}")


def differences(before: I64, after: I64, groups: I64, figures: Figures) -> list[Difference]:
    """Each of the figures on all frames, and how far their differences spread over 2000 resamples of the groups.

    before, after: (F, C, C+1) int64 counts of each frame, as `ConfusionMatrix` has them. groups: (F,) int64 0..G-1.
    With one group nothing can be told: the intervals are infinite. A fixed seed makes the result repeatable.
    """
    count = int(groups.max()) + 1
    both = np.zeros((2, count, *before.shape[1:]), np.int64)
    for side, counts in zip(both, (before, after), strict=True):
        np.add.at(side, groups, counts)

    def of(weights: I64) -> F64:
        """(2, K): the figures of the two models where each group counts so often."""
        rows = []
        for side in both:
            matrix = ConfusionMatrix(before.shape[1])
            matrix.counts = np.tensordot(weights, side, 1)
            rows.append(figures(matrix))
        return np.asarray(rows, np.float64)

    whole = of(np.ones(count, np.int64))
    if count == 1:
        return [Difference(float(a), float(b), -math.inf, math.inf) for a, b in whole.T]
    rng = np.random.default_rng(0)
    draws = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES)
    spread = np.array([np.diff(of(weights), axis=0)[0] for weights in draws])  # (R, K)
    rows = []
    for (a, b), column in zip(whole.T, spread.T, strict=True):
        known = column[np.isfinite(column)]
        tail = (100 - _LEVEL) / 2
        low, high = np.percentile(known, (tail, 100 - tail)) if known.size else (math.nan, math.nan)
        rows.append(Difference(float(a), float(b), float(low), float(high)))
    return rows
