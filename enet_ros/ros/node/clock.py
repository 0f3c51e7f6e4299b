"""What the header stamp of an image is worth: its age, or why it has none."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple


class ClockState(IntEnum):
    """The constants CLOCK_* of enet_ros/Latency."""

    OK = 0
    UNSET = 1
    FUTURE = 2
    BACKWARDS = 3
    STALE = 4


class StampAge(NamedTuple):
    """age_ms: header stamp -> arrival, by the node's clock; NaN unless state is OK."""

    state: ClockState
    age_ms: float


class StampClock:
    """Judges the stamps of one stream in the order of their arrival."""

    def __init__(self) -> None:
        self._last_stamp_ns = 0
        self._last_now_ns = 0

    def judge(self, stamp_ns: int, now_ns: int, max_age_s: float) -> StampAge:
        """now_ns: the node's ROS time at arrival (0 where simulated time has not begun).

        A stamp or a now that lies before the last one marks this frame alone: what follows is judged against it, so a
        looping bag costs one frame.
        """
        backwards = 0 < stamp_ns < self._last_stamp_ns or now_ns < self._last_now_ns
        if stamp_ns > 0:
            self._last_stamp_ns = stamp_ns
        self._last_now_ns = now_ns
        if stamp_ns <= 0:
            state = ClockState.UNSET
        elif backwards:
            state = ClockState.BACKWARDS
        elif stamp_ns > now_ns:
            state = ClockState.FUTURE
        elif now_ns - stamp_ns > max_age_s * 1e9:
            state = ClockState.STALE
        else:
            return StampAge(ClockState.OK, (now_ns - stamp_ns) / 1e6)
        return StampAge(state, math.nan)
