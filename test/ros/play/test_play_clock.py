from __future__ import annotations

import threading

from enet_ros.ros.play.player import PlayClock

NS = 10**9


class Time:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic_ns(self) -> int:
        return round(self.seconds * NS)

    def wall_ns(self) -> int:
        return self.monotonic_ns() + 5000 * NS


def clock(time: Time, rate: float = 1.0, paused: bool = False) -> PlayClock:
    found = PlayClock(rate, paused, time.monotonic_ns, time.wall_ns)
    found.restart(7 * NS)
    return found


def test_time_runs_at_the_rate_and_not_while_paused() -> None:
    time = Time()
    play = clock(time, rate=0.5)
    time.seconds += 4
    assert play.now_ns() == 9 * NS
    assert play.toggle() is True
    time.seconds += 100
    assert play.now_ns() == 9 * NS
    assert play.toggle() is False
    time.seconds += 2
    assert play.now_ns() == 10 * NS


def test_time_is_held_back_and_never_moved_on() -> None:
    time = Time()
    play = clock(time)
    play.hold(8 * NS)
    assert play.now_ns() == 7 * NS
    time.seconds += 4
    play.hold(8 * NS)
    assert play.now_ns() == 8 * NS
    time.seconds += 1
    assert play.now_ns() == 9 * NS


def test_a_stamp_becomes_the_wall_time_at_which_it_is_played() -> None:
    time = Time()
    play = clock(time, rate=2.0)
    first = play.restamped_ns(8 * NS)
    assert first == round(5100.5 * NS)
    time.seconds += 0.7
    assert play.restamped_ns(8 * NS) == first  # the same for the mask's truth, whenever it goes out
    play.pause(True)
    time.seconds += 10
    play.pause(False)
    assert play.restamped_ns(8 * NS) == first + 10 * NS


def test_waiting_ends_when_the_time_has_come_or_on_stop() -> None:
    play = PlayClock(1.0)
    play.restart(0)
    ticks = []

    def tick() -> float:
        ticks.append(play.now_ns())
        return 0.001

    play.wait_until(10_000_000, threading.Event(), tick)
    assert play.now_ns() >= 10_000_000
    assert len(ticks) > 1
    play.pause(True)
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    play.wait_until(0, stop, lambda: 1.0)  # due long ago, but paused
    assert stop.is_set()
