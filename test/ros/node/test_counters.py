"""Totals, what happened lately, latencies lately."""

from __future__ import annotations

import math

import pytest

from enet_ros.ros.node.clock import ClockState
from enet_ros.ros.node.counters import LATELY_S, Counters, CounterWindow, LatencyWindow


def test_what_happened_since() -> None:
    before = Counters(received=3, answered=2)
    after = before.copy()
    after.received += 4
    after.clock[ClockState.STALE] += 1
    since = after.minus(before)
    assert (since.received, since.answered, since.clock[ClockState.STALE]) == (4, 0, 1)
    assert before.clock[ClockState.STALE] == 0


def test_the_past_is_forgotten() -> None:
    window, totals = CounterWindow(), Counters(failed=7)
    assert window.add(0.0, totals).counts.failed == 0
    for second in range(1, 20):
        totals.received += 10
        lately = window.add(float(second), totals)
    assert lately.seconds == pytest.approx(LATELY_S)
    assert lately.counts.received == 50


def test_percentiles_of_lately() -> None:
    window = LatencyWindow()
    assert all(math.isnan(value) for value in window.percentiles(0.0))
    window.add(0.0, 1000.0)
    for value in range(101):
        window.add(10.0, float(value))
    assert window.percentiles(10.0 + LATELY_S / 2) == (50.0, 99.0)
