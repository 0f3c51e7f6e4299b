"""What diagnostics decide from plain values, and that they are heard over DDS."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
pytest.importorskip("diagnostic_msgs", reason="diagnostic_msgs is not installed")

import rclpy
import rclpy.utilities
from diagnostic_msgs.msg import DiagnosticArray

from enet_ros.ros import qos
from enet_ros.ros.node.account import ClockState, Counters, Lately
from enet_ros.ros.node.diagnostics import Health, Level, Status, Transitions, judge, to_message
from enet_ros.ros.parameters import Parameters

LIMITS = Parameters(silence=2.0, min_rate=0.0)


def healthy(**changes: Any) -> Health:
    counts = Counters(received=150, answered=150)
    counts.clock[ClockState.OK] = 150
    values: dict[str, Any] = {
        "state": "active",
        "failure": "",
        "topic": "/front/image_raw",
        "publishers": 1,
        "subscribed": True,
        "subscribed_s": 100.0,
        "silent_s": 0.03,
        "consumers": ("~/mask",),
        "totals": counts,
        "lately": Lately(5.0, counts),
        "latency_ms": (20.0, 30.0),
        "last_error": "",
        "incompatible": (),
        "problems": (),
        "about": (("model", "camvid"), ("engine", "openvino")),
    }
    return Health(**{**values, **changes})


def lately(clock: dict[ClockState, int] | None = None, **counts: int) -> Lately:
    made = Counters(**counts)
    made.clock.update(clock or {})
    return Lately(5.0, made)


def verdict(health: Health, name: str, limits: Parameters = LIMITS) -> Status:
    (found,) = [status for status in judge(health, limits) if status.name == name]
    return found


def test_all_is_well() -> None:
    statuses = judge(healthy(), LIMITS)
    assert [status.name for status in statuses] == ["camera", "stamps", "inference", "outputs"]
    assert all(status.level == Level.OK for status in statuses), statuses
    values = dict(verdict(healthy(), "inference").values)
    assert values["rate [Hz]"] == "30.0" and values["latency p99 [ms]"] == "30.0"
    assert values["model"] == "camvid" and values["engine"] == "openvino"


@pytest.mark.parametrize(
    ("changes", "level", "text"),
    [
        ({"silent_s": math.inf}, Level.WARN, "fastdds.xml"),
        ({"silent_s": 2.5}, Level.WARN, "fastdds.xml"),
        ({"silent_s": math.inf, "subscribed_s": 1.0}, Level.OK, "Hz"),
        ({"silent_s": math.inf, "publishers": 0}, Level.WARN, "nobody publishes /front/image_raw"),
        ({"lately": lately(received=90, lost=10)}, Level.WARN, "10% of the images were lost"),
        ({"lately": lately(received=90, deadline=3)}, Level.WARN, "missed its deadline 3 times"),
        ({"incompatible": ("reliable asked of best effort",)}, Level.ERROR, "reliable asked of best effort"),
        ({"subscribed": False, "consumers": ()}, Level.OK, "nobody subscribes"),
        ({"subscribed": False, "publishers": 0}, Level.WARN, "match"),
        ({"subscribed": False}, Level.OK, "subscribing"),
        ({"lately": lately(received=999, lost=1)}, Level.OK, "Hz"),
    ],
)
def test_the_camera(changes: dict[str, Any], level: Level, text: str) -> None:
    found = verdict(healthy(**changes), "camera")
    assert found.level == level and text in found.message


def test_a_rate_below_the_minimum() -> None:
    assert verdict(healthy(), "camera", Parameters(silence=2.0, min_rate=25.0)).level == Level.OK
    found = verdict(healthy(), "camera", Parameters(silence=2.0, min_rate=31.0))
    assert found.level == Level.WARN and "30.0 Hz is below min_rate 31 Hz" in found.message
    assert verdict(healthy(subscribed_s=1.0), "camera", Parameters(silence=2.0, min_rate=31.0)).level == Level.OK


@pytest.mark.parametrize("state", [state for state in ClockState if state != ClockState.OK])
def test_every_disorder_of_stamps(state: ClockState) -> None:
    found = verdict(healthy(lately=lately({state: 1}, received=1, answered=1)), "stamps")
    assert found.level == Level.WARN and found.message != "in order"


def test_failures() -> None:
    some = verdict(healthy(lately=lately(received=5, answered=4, failed=1), last_error="bad step"), "inference")
    assert some.level == Level.WARN and "bad step" in some.message
    every = verdict(healthy(lately=lately(received=5, failed=5), last_error="bad step"), "inference")
    assert every.level == Level.ERROR


def test_silent_outputs() -> None:
    found = verdict(healthy(problems=(("~/camera_info", "no camera_info has arrived"),)), "outputs")
    assert found.level == Level.WARN and found.message == "~/camera_info: no camera_info has arrived"


def test_two_cameras_on_one_topic() -> None:
    found = verdict(healthy(publishers=2), "camera")
    assert found.level == Level.WARN and "2 publishers of /front/image_raw" in found.message


def test_states_other_than_active() -> None:
    (status,) = judge(Health("unconfigured", ""), LIMITS)
    assert (status.level, status.message) == (Level.OK, "unconfigured")
    (status,) = judge(Health("unconfigured", "there is no model 'x'"), LIMITS)
    assert status.level == Level.ERROR and "there is no model 'x'" in status.message


def test_a_message() -> None:
    message = to_message("/front/segmentation", idle_stamp(), judge(healthy(), LIMITS))
    assert message.status[0].name == "front/segmentation: camera"
    assert message.status[0].level == b"\0"
    assert message.status[0].hardware_id == "front/segmentation"


def idle_stamp() -> Any:
    from builtin_interfaces.msg import Time

    return Time(sec=1)


def test_the_log_is_told_once() -> None:
    told: list[str] = []
    transitions = Transitions(told.append)
    for level in (Level.OK, Level.WARN, Level.WARN, Level.ERROR, Level.OK, Level.WARN):
        transitions.add([Status("camera", level, level.name, ())])
    assert told == ["camera: WARN", "camera: ERROR", "camera: WARN"]


def spoken(heard: list[Any], name: str, node: str = "segmentation") -> Any:
    return next((s for array in reversed(heard) for s in array.status if s.name == f"{node}: {name}"), None)


def test_they_are_heard(rig: Callable[..., Any]) -> None:
    from ros_rig import picture, wait_for

    r = rig(silence=0.2)
    heard = r.listen("/diagnostics", DiagnosticArray)
    assert wait_for(lambda: spoken(heard, "inference")).message == "unconfigured"
    masks = r.listen("mask")
    r.start()
    r.wait_for_camera()
    silent = wait_for(lambda: (s := spoken(heard, "camera")) and s.level == b"\1" and s)
    assert "/image_raw has a publisher but no image arrived" in silent.message and "fastdds.xml" in silent.message
    r.send(picture(1))
    wait_for(lambda: masks)
    status = wait_for(lambda: (s := spoken(heard, "inference")) and "latency" in s.message and s)
    values = {value.key: value.value for value in status.values}
    assert values["answered"] == "1" and values["model"] == "camvid" and values["engine"] == "onnxruntime"


def test_qos_that_does_not_fit_is_told(rig: Callable[..., Any]) -> None:
    from ros_rig import Image, wait_for

    r = rig(reliability="reliable", lazy=False, output_reliability="best_effort")
    r.watcher.destroy_publisher(r.camera)
    r.camera = r.watcher.create_publisher(Image, "image_raw", qos.keep_last(1, "best_effort"))
    heard = r.listen("/diagnostics", DiagnosticArray)
    r.listen("mask", profile=qos.keep_last(1, "reliable"))
    r.start()
    status = wait_for(lambda: (s := spoken(heard, "camera")) and s.level == b"\2" and s)
    assert "QoS does not fit /image_raw" in status.message
    status = wait_for(lambda: (s := spoken(heard, "outputs")) and s.level == b"\1" and s)
    assert "~/mask: a subscriber's QoS does not fit" in status.message


def test_a_missed_deadline_is_counted(rig: Callable[..., Any]) -> None:
    from rclpy.duration import Duration
    from ros_rig import Image, picture, wait_for

    r = rig(deadline=0.1, lazy=False)
    profile = qos.keep_last(1, "reliable")
    profile.deadline = Duration(nanoseconds=100_000_000)
    r.watcher.destroy_publisher(r.camera)
    r.camera = r.watcher.create_publisher(Image, "image_raw", profile)
    r.start()
    r.wait_for_camera()
    r.send(picture(1))
    wait_for(lambda: r.counters().deadline >= 2)


CAMERA = """
import array, sys, time, rclpy
from sensor_msgs.msg import Image
from enet_ros.ros import qos
rclpy.init()
node = rclpy.create_node("camera")
publisher = node.create_publisher(Image, "big/image_raw", qos.keep_last(1, "best_effort"))
image = Image(encoding="rgb8", height=720, width=1280, step=3840, data=array.array("B", bytes(2764800)))
while True:
    publisher.publish(image)
    time.sleep(0.03)
"""


def test_a_camera_without_the_fastdds_profile_is_told(
    ros: int, plain_engine: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ros_rig import Rig, wait_for

    if rclpy.utilities.get_rmw_implementation_identifier() != "rmw_fastrtps_cpp":
        pytest.skip("another middleware than Fast DDS")
    for name in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):
        monkeypatch.delenv(name, raising=False)
    camera = subprocess.Popen([sys.executable, "-c", CAMERA])
    r = Rig(silence=0.5, lazy=False, namespace="/big")
    try:
        heard = r.listen("/diagnostics", DiagnosticArray)
        r.start()
        told = wait_for(lambda: (s := spoken(heard, "camera", "big/segmentation")) and "fastdds.xml" in s.message and s)
        assert told.level == b"\1"
        assert (
            "/big/image_raw has a publisher but no image arrived" in told.message or "lost in transport" in told.message
        )
    finally:
        r.close()
        camera.kill()
        camera.wait()
