"""Stamps in order, and every disorder."""

from __future__ import annotations

import math

import pytest

from enet_ros.ros.node.clock import ClockState, StampClock

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
