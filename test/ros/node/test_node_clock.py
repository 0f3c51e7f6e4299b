"""Transport latency in wall and simulated time, and clocks in disorder, over DDS."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from ros_rig import Rig, picture, wait_for
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Header

from enet_ros.msg import Latency
from enet_ros.ros import qos
from enet_ros.ros.messages import to_stamp
from enet_ros.ros.node.account import ClockState

S = 1_000_000_000


def stamped(stamp_ns: int) -> dict[str, Any]:
    return {"header": Header(stamp=to_stamp(stamp_ns), frame_id="eye")}


def answer(r: Rig, latencies: list[Latency], stamp_ns: int) -> Latency:
    before = len(latencies)
    r.send(picture(1), **stamped(stamp_ns))
    wait_for(lambda: len(latencies) > before)
    return latencies[-1]


def set_clock(r: Rig, clock: Any, now_ns: int) -> None:
    """Publish simulated time until the node has it: its best-effort subscription may miss the first."""
    wait_for(lambda: clock.publish(Clock(clock=to_stamp(now_ns))) or r.node.get_clock().now().nanoseconds == now_ns)


def test_the_constants_are_the_message_s() -> None:
    assert {state.name: int(state) for state in ClockState} == {
        name.removeprefix("CLOCK_"): getattr(Latency, name)
        for name in ("CLOCK_OK", "CLOCK_UNSET", "CLOCK_FUTURE", "CLOCK_BACKWARDS", "CLOCK_STALE")
    }


def test_wall_time(rig: Callable[..., Rig]) -> None:
    r = rig()
    latencies = r.listen("latency", Latency)
    r.start()
    r.wait_for_camera()
    good = answer(r, latencies, time.time_ns() - 40_000_000)
    assert good.clock == Latency.CLOCK_OK
    assert good.transport_ms >= 40 and good.total_ms > good.transport_ms
    stages = (good.queue_ms, good.decode_ms, good.preprocess_ms, good.infer_ms, good.postprocess_ms, good.publish_ms)
    assert all(stage >= 0 for stage in stages)
    assert sum(stages) <= good.total_ms - good.transport_ms + 0.01
    for stamp, expected in ((0, Latency.CLOCK_UNSET), (time.time_ns() + 3600 * S, Latency.CLOCK_FUTURE)):
        bad = answer(r, latencies, stamp)
        assert bad.clock == expected and math.isnan(bad.transport_ms) and 0 < bad.total_ms < 60_000


def test_a_stamp_slightly_ahead_of_the_clock(rig: Callable[..., Rig]) -> None:
    """Clocks of two hosts differ by milliseconds."""
    r = rig(use_sim_time=True, lazy=False, max_ahead=0.02)
    latencies = r.listen("latency", Latency)
    clock = r.watcher.create_publisher(Clock, "/clock", qos.keep_last(1, "reliable"))
    r.start()
    r.wait_for_camera()
    set_clock(r, clock, 100 * S)
    ahead = answer(r, latencies, 100 * S + 20_000_000)
    assert (ahead.clock, ahead.transport_ms) == (Latency.CLOCK_OK, 0.0)
    assert answer(r, latencies, 100 * S + 20_000_001).clock == Latency.CLOCK_FUTURE


def test_a_looping_bag_with_simulated_time(rig: Callable[..., Rig]) -> None:
    r = rig(use_sim_time=True, lazy=False)
    latencies = r.listen("latency", Latency)
    clock = r.watcher.create_publisher(Clock, "/clock", qos.keep_last(1, "reliable"))
    r.start()
    r.wait_for_camera()
    found = []
    for now_s in (100, 101, 1, 2):
        set_clock(r, clock, now_s * S)
        found.append(answer(r, latencies, now_s * S - 7_000_000))
    assert [latency.clock for latency in found] == [0, 0, Latency.CLOCK_BACKWARDS, 0]
    assert [latency.transport_ms for latency in found if latency.clock == 0] == pytest.approx([7.0] * 3)


def test_a_bag_replayed_without_a_clock(rig: Callable[..., Rig]) -> None:
    r = rig(max_age=0.5)
    latencies = r.listen("latency", Latency)
    r.start()
    r.wait_for_camera()
    assert answer(r, latencies, time.time_ns() - S).clock == Latency.CLOCK_STALE


def test_subscribers_are_served_before_simulated_time_begins(rig: Callable[..., Rig]) -> None:
    """The timers go on while /clock stands still."""
    r = rig(use_sim_time=True)
    r.start()
    latencies = r.listen("latency", Latency)
    r.wait_for_camera()
    assert answer(r, latencies, S).clock == Latency.CLOCK_FUTURE
