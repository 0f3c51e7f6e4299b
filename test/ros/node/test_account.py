"""Stamps in order and every disorder; totals, recent counts and latencies."""

from __future__ import annotations

import math

import pytest

from enet_ros.ros.node.account import LATELY_S, Account, ClockState, Counters, Pace, StampClock

S = 1_000_000_000


def test_an_age() -> None:
    assert StampClock().judge(10 * S, 10 * S + 4_000_000, 5.0) == (ClockState.OK, 4.0)


@pytest.mark.parametrize(
    ("stamp", "now", "state"),
    [
        (0, 10 * S, ClockState.UNSET),
        (11 * S, 10 * S, ClockState.FUTURE),
        (5 * S, 10 * S, ClockState.OK),
        (5 * S - 1, 10 * S, ClockState.STALE),
        (10 * S, 0, ClockState.FUTURE),  # simulated time that has not begun
    ],
)
def test_a_first_frame(stamp: int, now: int, state: ClockState) -> None:
    age = StampClock().judge(stamp, now, 5.0)
    assert age.state == state
    assert math.isnan(age.age_ms) == (state != ClockState.OK)


def test_a_loop_of_a_bag_costs_one_frame() -> None:
    clock = StampClock()
    assert clock.judge(100 * S, 100 * S, 5.0).state == ClockState.OK
    assert clock.judge(1 * S, 1 * S, 5.0).state == ClockState.BACKWARDS
    assert clock.judge(2 * S, 2 * S, 5.0) == (ClockState.OK, 0.0)


def test_time_that_jumps_back_under_rising_stamps() -> None:
    clock = StampClock()
    clock.judge(10 * S, 11 * S, 5.0)
    assert clock.judge(10 * S + 1, 10 * S + 2, 5.0).state == ClockState.BACKWARDS


def test_equal_stamps_are_in_order() -> None:
    clock = StampClock()
    clock.judge(10 * S, 10 * S, 5.0)
    assert clock.judge(10 * S, 10 * S, 5.0).state == ClockState.OK


def test_a_zero_stamp_is_no_jump() -> None:
    clock = StampClock()
    clock.judge(10 * S, 10 * S, 5.0)
    assert clock.judge(0, 11 * S, 5.0).state == ClockState.UNSET
    assert clock.judge(11 * S, 12 * S, 5.0).state == ClockState.OK


def _chosen(times_s: list[float], rate_hz: float) -> list[int]:
    pace = Pace()
    return [number for number, time_s in enumerate(times_s) if pace.chooses(time_s, rate_hz)]


def test_a_pace_chooses_evenly() -> None:
    assert _chosen([number / 30 for number in range(60)], 5.0) == list(range(0, 60, 6))
    assert _chosen([number / 30 for number in range(60)], 20.0)[:7] == [0, 2, 3, 5, 6, 8, 9]
    assert _chosen([number / 30 for number in range(60)], 0.0) == list(range(60))
    assert _chosen([number / 10 for number in range(9)], 15.0) == list(range(9))


def test_a_pace_bears_a_camera_whose_intervals_vary() -> None:
    times = [number / 30 + (0.008 if number % 2 else -0.008) for number in range(300)]
    assert len(_chosen(times, 10.0)) == 100


def test_a_pace_that_is_raised_holds_at_once() -> None:
    pace = Pace()
    assert pace.chooses(0.0, 0.01) and not pace.chooses(1.0, 0.01)
    assert not pace.chooses(1.01, 10.0)
    assert [pace.chooses(1.11 + number / 10, 10.0) for number in range(3)] == [True] * 3


def test_a_pace_saves_nothing_up_while_the_camera_is_silent() -> None:
    times = [0.0, *(10.0 + number / 30 for number in range(31))]
    assert _chosen(times, 10.0) == [0, *range(1, 32, 3)]


def test_what_happened_since() -> None:
    before = Counters(received=3, answered=2)
    after = before.copy()
    after.received += 4
    after.clock[ClockState.STALE] += 1
    since = after.minus(before)
    assert (since.received, since.answered, since.clock[ClockState.STALE]) == (4, 0, 1)
    assert before.clock[ClockState.STALE] == 0


def test_the_past_is_forgotten() -> None:
    account = Account()
    account.counters.failed = 7
    assert account.lately(0.0).counts.failed == 0
    for second in range(1, 20):
        account.counters.received += 10
        lately = account.lately(float(second))
    assert lately.seconds == pytest.approx(LATELY_S)
    assert lately.counts.received == 50


def test_percentiles_of_lately() -> None:
    account = Account()
    assert all(math.isnan(value) for value in account.latency_ms(0.0))
    account.answered(0.0, 1000.0)
    for value in range(101):
        account.answered(10.0, float(value))
    assert account.latency_ms(10.0 + LATELY_S / 2) == (50.0, 99.0)
