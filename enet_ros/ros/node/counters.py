"""What the node counts, and what of it happened lately."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from enet_ros.ros.node.clock import ClockState

LATELY_S = 5.0
"""Seconds over which rates, losses and latencies are reported."""


@dataclass
class Counters:
    """Totals since activation. Every image sent is in one of: lost, replaced, failed, answered (or still under way).

    received  images that arrived
    replaced  of these, lost to a newer one before the worker was free
    failed    of these, refused (undecodable) or failed in the engine
    answered  of these, answered by a mask
    lost      images the middleware says it lost before they arrived
    deadline  times the camera missed the deadline asked of it
    clock     images received by the state of their stamp
    """

    received: int = 0
    replaced: int = 0
    failed: int = 0
    answered: int = 0
    lost: int = 0
    deadline: int = 0
    clock: dict[ClockState, int] = field(default_factory=lambda: dict.fromkeys(ClockState, 0))

    def copy(self) -> Counters:
        """The totals of this moment."""
        return replace(self, clock=dict(self.clock))

    def minus(self, earlier: Counters) -> Counters:
        """What happened since."""
        clock = {state: count - earlier.clock[state] for state, count in self.clock.items()}
        names = ("received", "replaced", "failed", "answered", "lost", "deadline")
        return Counters(**{name: getattr(self, name) - getattr(earlier, name) for name in names}, clock=clock)


class Lately(NamedTuple):
    """The last `seconds`, at most LATELY_S."""

    seconds: float
    counts: Counters


class CounterWindow:
    """Remembers the totals of the last LATELY_S seconds: what has long passed is not reported as if it went on."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, Counters]] = deque()

    def clear(self) -> None:
        """Begin anew."""
        self._past.clear()

    def add(self, now_s: float, totals: Counters) -> Lately:
        """Take in the totals of now (monotonic seconds)."""
        self._past.append((now_s, totals.copy()))
        while len(self._past) > 2 and self._past[1][0] <= now_s - LATELY_S:
            self._past.popleft()
        then_s, then = self._past[0]
        return Lately(now_s - then_s, totals.minus(then))


class LatencyWindow:
    """The latencies of the frames answered within the last LATELY_S seconds. One thread adds, another reads."""

    def __init__(self) -> None:
        self._values: deque[tuple[float, float]] = deque(maxlen=1024)

    def add(self, now_s: float, latency_ms: float) -> None:
        """One answered frame."""
        self._values.append((now_s, latency_ms))

    def percentiles(self, now_s: float) -> tuple[float, float]:
        """(p50, p99) in ms; NaN where no frame was answered lately."""
        recent = [value for time_s, value in self._values.copy() if time_s >= now_s - LATELY_S]
        if not recent:
            return math.nan, math.nan
        p50, p99 = np.percentile(recent, (50, 99))
        return float(p50), float(p99)
