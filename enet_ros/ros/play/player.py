"""Plays a feed of messages in recorded time: its clock, `/clock`, the service `~/pause`, the space bar, the loop."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool

from enet_ros.errors import ConfigError
from enet_ros.ros import qos
from enet_ros.ros.messages import to_stamp
from enet_ros.stamps import NS

_SLICE_S = 0.05
_POLL_S = 0.02
_MATCH_S = 0.2
"""A subscriber finds the publisher a moment after the publisher has found it, and misses what is sent before."""
_READ_OUT_S = 0.2
"""The last message is still being read out of shared memory when it has been sent."""


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


class Item(NamedTuple):
    """A message to play. time_ns: recorded time at which it is due. send: publishes it."""

    time_ns: int
    send: Callable[[], None]


class Feed(Protocol):
    """What is played. start_ns: recorded time of its beginning."""

    start_ns: int

    def items(self, clock: PlayClock) -> Iterator[Item]:
        """Everything in order of time; begins anew at each call."""

    def has_listener(self) -> bool:
        """Whether anybody subscribes to what matters."""


@dataclass(frozen=True)
class PlayOptions:
    """rate: speed, 1 as recorded. clock_hz: of /clock, 0 for none. Raises ConfigError for a rate not above 0."""

    rate: float = 1.0
    loop: bool = False
    paused: bool = False
    clock_hz: float = 0.0

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ConfigError(f"--rate {self.rate}: use a number above 0")
        if self.clock_hz < 0:
            raise ConfigError(f"--clock {self.clock_hz}: use a number of at least 0")


class PlayReport(NamedTuple):
    """messages: published. latest_s: how far behind its time the latest of them went out, in seconds of playing."""

    messages: int
    latest_s: float


class Player:
    """Plays a feed from the thread that calls `run`. The node is spun elsewhere, for the service alone."""

    def __init__(self, node: Node, feed: Feed, options: PlayOptions) -> None:
        self.clock = PlayClock(options.rate, options.paused)
        self.clock.restart(feed.start_ns)
        self._feed, self._options = feed, options
        profile = qos.keep_last(10, "reliable")
        self._clock_topic = node.create_publisher(Clock, "/clock", profile) if options.clock_hz else None
        self._next_tick_s = 0.0
        node.create_service(SetBool, "~/pause", self._on_pause)

    def wait_for_listener(self, timeout_s: float, stop: threading.Event) -> bool:
        """Wait until somebody subscribes; False if nobody did in time."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s and not stop.is_set():
            if self._feed.has_listener():
                stop.wait(_MATCH_S)
                return True
            self._tick(self._feed.start_ns)
            time.sleep(_POLL_S)
        return False

    def run(self, stop: threading.Event) -> PlayReport:
        """Play to the end, or until `stop`. Raises what the feed raises."""
        report, last_ns = PlayReport(0, 0.0), 0
        while not stop.is_set():
            before = report.messages
            for item in self._feed.items(self.clock):
                if report.messages == before and (before == 0 or item.time_ns < last_ns):
                    self.clock.restart(item.time_ns)
                self.clock.wait_until(item.time_ns, stop, partial(self._tick, item.time_ns))
                if stop.is_set():
                    break
                self._publish_clock(item.time_ns)  # first, so that its stamp does not lie in the future
                item.send()
                last_ns = item.time_ns
                late_s = (self.clock.now_ns() - last_ns) / self._options.rate / NS
                report = PlayReport(report.messages + 1, max(report.latest_s, late_s))
            if not self._options.loop or report.messages == before:
                break
        return report

    def play(self, wait_s: float, stop: threading.Event) -> PlayReport:
        """`run` for a person: waits at most `wait_s` for a subscriber, listens to the space bar, says what it does."""
        if wait_s > 0 and not self.wait_for_listener(wait_s, stop) and not stop.is_set():
            _say(f"nobody subscribed within {wait_s:g} s; playing anyway")
        with _space_bar(self.clock.toggle, stop):
            if self.clock.paused:
                _say("paused: press space, or call ~/pause with data: false")
            report = self.run(stop)
        stop.wait(_READ_OUT_S)
        return report

    def _tick(self, due_ns: int) -> float:
        """Publish /clock if it is time, never past what is due next; seconds until it will be time again."""
        if self._clock_topic is None:
            return 1.0
        left_s = self._next_tick_s - time.monotonic()
        if left_s > 0:
            return left_s
        self._publish_clock(min(self.clock.now_ns(), due_ns))
        return 1 / self._options.clock_hz

    def _publish_clock(self, time_ns: int) -> None:
        if self._clock_topic is not None:
            self._clock_topic.publish(Clock(clock=to_stamp(time_ns)))
            self._next_tick_s = time.monotonic() + 1 / self._options.clock_hz

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.clock.pause(request.data)
        response.success, response.message = True, "paused" if request.data else "playing"
        return response


@contextmanager
def _space_bar(toggle: Callable[[], bool], stop: threading.Event) -> Iterator[None]:
    """Let the space bar pause and go on, where there is a terminal."""
    if not sys.stdin.isatty():
        yield
        return
    import select
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)

    def listen() -> None:
        while not stop.is_set():
            if select.select([sys.stdin], [], [], 0.1)[0] and os.read(sys.stdin.fileno(), 1) == b" ":
                _say("paused" if toggle() else "playing")

    tty.setcbreak(sys.stdin)
    try:
        threading.Thread(target=listen, name="keyboard", daemon=True).start()
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
