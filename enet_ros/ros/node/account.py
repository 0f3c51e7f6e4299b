"""Counters of frames, ages of image stamps and latencies of one activation of the node."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple

from enet_ros.figures import percentiles

LATELY_S = 5.0
"""Seconds over which rates, losses and latencies are reported."""


class ClockState(IntEnum):
    """The constants CLOCK_* of enet_ros/Latency."""

    OK = 0
    UNSET = 1
    FUTURE = 2
    BACKWARDS = 3
    STALE = 4


class StampAge(NamedTuple):
    """age_ms: from header stamp to arrival, by the node's clock; NaN unless state is OK."""

    state: ClockState
    age_ms: float


class StampClock:
    """Judges the stamps of one stream in the order of their arrival."""

    def __init__(self) -> None:
        self._last_stamp_ns = 0
        self._last_now_ns = 0

    def judge(self, stamp_ns: int, now_ns: int, max_age_s: float, max_ahead_s: float = 0.0) -> StampAge:
        """now_ns: the node's ROS time at arrival (0 where simulated time has not begun). An age ahead of now is 0.

        Where the stamp or the node's time jumps back, only this frame is BACKWARDS: the next ones are compared with it,
        so a looping bag costs one frame.
        """
        backwards = 0 < stamp_ns < self._last_stamp_ns or now_ns < self._last_now_ns
        if stamp_ns > 0:
            self._last_stamp_ns = stamp_ns
        self._last_now_ns = now_ns
        if stamp_ns <= 0:
            state = ClockState.UNSET
        elif backwards:
            state = ClockState.BACKWARDS
        elif stamp_ns - now_ns > max_ahead_s * 1e9:
            state = ClockState.FUTURE
        elif now_ns - stamp_ns > max_age_s * 1e9:
            state = ClockState.STALE
        else:
            return StampAge(ClockState.OK, max(0, now_ns - stamp_ns) / 1e6)
        return StampAge(state, math.nan)


class Pace:
    """Chooses evenly which images of a stream to answer, so that there are no more than a number per second."""

    EARLY = 0.1
    """Share of the interval by which an image may come early: a camera's intervals vary."""

    def __init__(self) -> None:
        self._due_s = -math.inf

    def chooses(self, now_s: float, rate_hz: float) -> bool:
        """Whether to answer the image that arrives now (monotonic seconds); always where rate_hz is 0."""
        if not rate_hz:
            return True
        interval_s = 1.0 / rate_hz
        self._due_s = min(self._due_s, now_s + interval_s)  # where the rate has been raised
        if now_s < self._due_s - self.EARLY * interval_s:
            return False
        late_s = now_s - self._due_s
        self._due_s = (self._due_s if late_s < interval_s else now_s) + interval_s
        return True


@dataclass
class Counters:
    """Totals since activation. Every image sent is lost, skipped, replaced, failed, answered, or at work."""

    received: int = 0  # images that arrived
    skipped: int = 0  # of these, left out to keep max_rate
    replaced: int = 0  # of these, dropped for a newer one before the worker was free
    failed: int = 0  # of these, undecodable or failed in the engine
    answered: int = 0  # of these, answered by a mask
    lost: int = 0  # images that the middleware lost before they arrived
    deadline: int = 0  # times the camera missed the deadline asked of it
    clock: dict[ClockState, int] = field(default_factory=lambda: dict.fromkeys(ClockState, 0))  # received, by stamp

    def copy(self) -> Counters:
        return replace(self, clock=dict(self.clock))

    def minus(self, earlier: Counters) -> Counters:
        """What was counted since `earlier`."""
        clock = {state: count - earlier.clock[state] for state, count in self.clock.items()}
        names = ("received", "skipped", "replaced", "failed", "answered", "lost", "deadline")
        return Counters(**{name: getattr(self, name) - getattr(earlier, name) for name in names}, clock=clock)


class Lately(NamedTuple):
    """What was counted in the last `seconds`, at most LATELY_S."""

    seconds: float
    counts: Counters


class Account:
    """What one activation counts and measures. The camera's thread and the worker each write counters of their own."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.last_error = ""
        self._stamps = StampClock()
        self._past: deque[tuple[float, Counters]] = deque()
        self._latencies: deque[tuple[float, float]] = deque(maxlen=1024)

    def received(self, stamp_ns: int, now_ns: int, max_age_s: float, max_ahead_s: float) -> StampAge:
        """Count an image and judge its stamp."""
        age = self._stamps.judge(stamp_ns, now_ns, max_age_s, max_ahead_s)
        self.counters.received += 1
        self.counters.clock[age.state] += 1
        return age

    def answered(self, now_s: float, latency_ms: float) -> None:
        self.counters.answered += 1
        self._latencies.append((now_s, latency_ms))

    def failed(self, error: Exception) -> None:
        self.counters.failed += 1
        self.last_error = f"{type(error).__name__}: {error}"

    def lately(self, now_s: float) -> Lately:
        """What was counted in the last LATELY_S seconds (now_s: monotonic); to be called periodically."""
        self._past.append((now_s, self.counters.copy()))
        while len(self._past) > 2 and self._past[1][0] <= now_s - LATELY_S:
            self._past.popleft()
        then_s, then = self._past[0]
        return Lately(now_s - then_s, self.counters.minus(then))

    def latency_ms(self, now_s: float) -> tuple[float, float]:
        """(p50, p99) of the last LATELY_S seconds; NaN where no frame was answered."""
        p50, p99 = percentiles([ms for time_s, ms in self._latencies.copy() if time_s >= now_s - LATELY_S], 50, 99)
        return p50, p99
