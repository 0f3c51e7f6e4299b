"""The clock of a replay: recorded time that runs at a rate, can be paused, and can begin again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from enet_ros.stamps import NS

_SLICE_S = 0.05


class PlayClock:
    """Recorded time in nanoseconds as a function of the monotonic clock. Any thread may pause and resume it."""

    def __init__(
        self,
        rate: float = 1.0,
        paused: bool = False,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._rate = rate
        self._monotonic_ns, self._wall_ns = monotonic_ns, wall_ns
        self._changed = threading.Condition()
        self._running = not paused
        self._position = 0
        self._anchor = self._wall = 0
        self.restart(0)

    @property
    def paused(self) -> bool:
        """Whether time stands still."""
        return not self._running

    def restart(self, position_ns: int) -> None:
        """Set the recorded time, now."""
        with self._changed:
            self._anchor_at(position_ns)

    def hold(self, position_ns: int) -> None:
        """Set the recorded time back to `position_ns` where it has gone past it, so that what follows is not late."""
        with self._changed:
            if self._now() > position_ns:
                self._anchor_at(position_ns)

    def pause(self, paused: bool) -> None:
        """Stop time, or let it go on."""
        with self._changed:
            position = self._now()
            self._running = not paused
            self._anchor_at(position)

    def toggle(self) -> bool:
        """Pause or go on; whether it is paused now."""
        with self._changed:
            self.pause(self._running)
            return not self._running

    def now_ns(self) -> int:
        """The recorded time."""
        with self._changed:
            return self._now()

    def restamped_ns(self, stamp_ns: int) -> int:
        """The wall-clock time at which `stamp_ns` is, was or will be played: the same for the same stamp."""
        with self._changed:
            return self._wall + round((stamp_ns - self._position) / self._rate)

    def wait_until(self, position_ns: int, stop: threading.Event, tick: Callable[[], float]) -> None:
        """Return when the recorded time has come, or `stop` is set (within 0.05 s).

        tick: called in between; returns the seconds until it wants to be called again.
        """
        while not stop.is_set():
            wanted = tick()
            with self._changed:
                left = (position_ns - self._now()) / self._rate / NS
                if left <= 0:  # even while paused: what is due at the very instant of the pause
                    if self._running:
                        return
                    left = _SLICE_S
                self._changed.wait(min(left if self._running else _SLICE_S, _SLICE_S, wanted))

    def _now(self) -> int:
        if not self._running:
            return self._position
        return self._position + round((self._monotonic_ns() - self._anchor) * self._rate)

    def _anchor_at(self, position_ns: int) -> None:
        self._position = position_ns
        self._anchor, self._wall = self._monotonic_ns(), self._wall_ns()
        self._changed.notify_all()
