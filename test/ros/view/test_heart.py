from __future__ import annotations

import math
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
pytest.importorskip("enet_ros.msg", reason="enet_ros/msg is not built: colcon build, or use ./run test")

from enet_ros.msg import Latency
from enet_ros.ros.view.heart import PULSE_S, Heart


def latency(**fields: Any) -> Latency:
    return Latency(**{"transport_ms": math.nan, "infer_ms": 8.0, **fields})


def started() -> Heart:
    """With one answer, at 100 s."""
    heart = Heart()
    heart.beat(latency(frames_dropped=5))
    assert heart.pulse(100.0) is None
    return heart


def test_nothing_is_said_before_the_first_answer() -> None:
    heart = Heart()
    assert [heart.pulse(now_s) for now_s in (0.0, 10.0, 20.0)] == [None] * 3


def test_stages_are_means_and_rates_are_a_second() -> None:
    heart = started()
    assert heart.pulse(100.0 + PULSE_S) is not None
    for dropped in (7, 8):
        heart.beat(latency(infer_ms=10.0 + dropped, frames_dropped=dropped, frames_skipped=4))
    assert heart.pulse(100.0 + 1.5 * PULSE_S) is None
    pulse = heart.pulse(100.0 + 3 * PULSE_S)
    assert pulse is not None
    assert pulse.stage_ms[4] == 17.5 and math.isnan(pulse.stage_ms[0])
    assert list(pulse.rate_hz) == [2.0, 3.0, 4.0, 0.0]  # answered, dropped, skipped, failed within 1 s


def test_silence_is_a_rate_of_zero() -> None:
    heart = started()
    heart.pulse(101.0)
    pulse = heart.pulse(102.0)
    assert pulse is not None and list(pulse.rate_hz) == [0.0] * 4
    assert all(math.isnan(stage) for stage in pulse.stage_ms)


def test_counters_begin_anew_with_an_activation() -> None:
    heart = started()
    heart.pulse(101.0)
    heart.beat(latency(frames_dropped=2))
    pulse = heart.pulse(102.0)
    assert pulse is not None and pulse.rate_hz[1] == 2.0
