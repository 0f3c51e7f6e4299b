"""What changes while the node is active: between two images, all or nothing, with no outage."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from rclpy.parameter import Parameter
from ros_rig import Rig, picture, wait_for
from sensor_msgs.msg import CameraInfo, Image
from streams import settle, stream

from enet_ros.classes import CAMVID
from enet_ros.msg import FreeSpace, SegmentationInfo
from enet_ros.ros import qos
from enet_ros.ros.node.outputs import output
from enet_ros.ros.parameters import DEFAULTS, SPECS, Change

ROAD = CAMVID.index("road")


def change(r: Rig, **values: Any) -> Any:
    """Set parameters together."""
    return r.node.set_parameters_atomically([Parameter(name, value=value) for name, value in values.items()])


def other(name: str) -> Any:
    """A value of a parameter that it does not have by default."""
    spec, value = SPECS[name], getattr(DEFAULTS, name)
    if isinstance(value, bool):
        return not value
    if spec.choices:
        return next(word for word in spec.choices if word != value)
    if isinstance(value, (int, float)):
        return type(value)(1 if value != 1 else 2)
    return {"mask_groups": ["car"], "base_frame": "base_footprint"}[name]


def test_whatever_may_change_while_active_does(rig: Callable[..., Rig]) -> None:
    """But what loads a network, for which see test_exchange."""
    r = rig()
    r.start()
    counters = r.counters()
    for name, spec in SPECS.items():
        if spec.change is Change.UNCONFIGURED:
            refused = change(r, **{name: other(name)})
            assert not refused.successful and name in refused.reason and "unconfigured" in refused.reason
        elif spec.change is Change.ANY_TIME and name != "use_tf":
            assert change(r, **{name: other(name)}).successful, name
    wait_for(lambda: r.node._configured.serving.parameters == r.node.parameters)
    assert r.counters() is counters


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"mask_groups": ["ships=galleon"]}, "'galleon' is not in table 'camvid'"),
        ({"base_frame": "", "min_run": 9}, "base_frame is empty"),
        ({"grid_resolution": 0.01, "grid_length": 1000.0, "grid_width": 1000.0}, "cells"),
        ({"use_tf": True}, "tf2_ros"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_and_the_old_stays(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], reason: str
) -> None:
    monkeypatch.setattr("enet_ros.ros.node.node.find_spec", lambda package: None)
    r = rig()
    r.start()
    before, serving = r.node.parameters, r.node._configured.serving
    result = change(r, **values)
    assert not result.successful and reason in result.reason
    assert r.node.parameters == before and r.node._configured.serving is serving
    assert all(r.node.get_parameter(name).value != value for name, value in values.items())


def test_what_arrives_after_a_change_is_judged_by_it(rig: Callable[..., Rig]) -> None:
    r = rig(max_rate=0.01)
    masks = r.listen("mask")
    r.start()
    r.wait_for_camera()
    r.send(picture(1))
    wait_for(lambda: masks)
    busy = threading.Event()
    r.node._active._worker.between(lambda: busy.wait(30))  # as with an image in hand
    assert change(r, max_rate=0.0).successful
    r.send(picture(2))
    wait_for(lambda: r.counters().received == 2)
    busy.set()
    wait_for(lambda: len(masks) == 2)
    assert r.counters().skipped == 0


def test_a_refused_output_leaves_no_topic_behind(rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    r = rig()
    r.start()
    create = output.create

    def forbidden(node: Any, kind: type, topic: str, profile: Any) -> Any:
        if topic == "~/masks/sky":
            raise RuntimeError("access control refuses this topic")
        return create(node, kind, topic, profile)

    monkeypatch.setattr(output, "create", forbidden)
    before = {publisher.topic for publisher in r.node.publishers}
    result = change(r, mask_groups=["drivable", "car", "sky"])
    assert not result.successful and "access control refuses" in result.reason
    assert {publisher.topic for publisher in r.node.publishers} == before


def test_the_pose_changes_without_an_outage(rig: Callable[..., Rig]) -> None:
    r = rig(camera_height=1.5, camera_pitch=0.5, lazy=False)
    spaces, masks = r.listen("free_space", FreeSpace), r.listen("mask")
    r.start()
    r.wait_for_camera()
    r.wait_for_info()
    r.info.publish(CameraInfo(width=64, height=48, k=[64.0, 0.0, 31.5, 0.0, 64.0, 23.5, 0.0, 0.0, 1.0]))
    wait_for(lambda: r.node._active._camera._calibration is not None)
    publishers = r.node._configured.serving.outputs.publishers()

    def reach(message: FreeSpace) -> float:
        return float(message.range[32])

    with stream(r, label=ROAD) as sent:
        (low,) = {reach(message) for message in wait_for(lambda: spaces[3:])}
        assert change(r, camera_height=3.0, min_run=3).successful
        wait_for(lambda: reach(spaces[-1]) != low)
        high = len(spaces)
        wait_for(lambda: len(spaces) > high + 3)
    counters = settle(r, sent)
    assert counters.answered > 6 and counters.failed == 0
    wait_for(lambda: len(masks) == len(spaces) == counters.answered)
    reaches = [reach(message) for message in spaces]
    assert {round(reach / low, 5) for reach in reaches} == {1.0, 2.0}
    assert reaches == sorted(reaches), "no way back"
    assert r.node._configured.serving.outputs.publishers() == publishers


def test_what_is_set_together_takes_effect_together(rig: Callable[..., Rig]) -> None:
    r = rig(lazy=False, mask_groups=["large=car"], mask_size="camera")
    large, small = r.listen("masks/large"), r.listen("masks/small")
    r.start()
    r.wait_for_camera()
    with stream(r, label=ROAD) as sent:
        for _ in range(4):
            for heard, size, group in ((large, "camera", "large=car"), (small, "network", "small=car")):
                heard.clear()
                assert change(r, mask_size=size, mask_groups=[group]).successful
                wait_for(lambda heard=heard: len(heard) > 1)
                assert {message.width for message in large} <= {64}
                assert {message.width for message in small} <= {32}
    settle(r, sent)
    published = {name for name, _ in r.node.get_publisher_names_and_types_by_node("segmentation", "/")}
    assert "/segmentation/masks/small" in published
    wait_for(lambda: r.watcher.count_publishers("/segmentation/masks/large") == 0, "the old group is still there")


def test_the_info_comes_before_the_first_mask_that_it_is_about(rig: Callable[..., Rig]) -> None:
    r = rig()
    order: list[str] = []
    infos = r.listen("info", SegmentationInfo, qos.latched())
    r.watcher.create_subscription(
        SegmentationInfo, "/segmentation/info", lambda m: order.append(",".join(m.mask_groups)), qos.latched()
    )
    r.watcher.create_subscription(
        Image, "/segmentation/masks/car", lambda _: order.append("mask"), qos.keep_last(5, "reliable")
    )
    r.start()
    assert change(r, mask_groups=["drivable", "car"]).successful
    r.wait_for_camera()
    assert change(r, overlay_opacity=0.1).successful
    with stream(r, label=ROAD):
        wait_for(lambda: "mask" in order)
    assert order[: order.index("mask")] == ["drivable", "drivable,car"]
    assert len(infos) == 2, "nothing new, nothing told"


def test_a_change_while_inactive_is_told_at_activation(rig: Callable[..., Rig]) -> None:
    r = rig()
    infos = r.listen("info", SegmentationInfo, qos.latched())
    assert r.node.trigger_configure().name == "SUCCESS"
    assert change(r, mask_groups=["car"], camera_height=2.0).successful
    assert r.node._configured.serving.parameters == r.node.parameters
    assert r.node.trigger_activate().name == "SUCCESS"
    (info,) = wait_for(lambda: infos)
    assert list(info.mask_groups) == ["car"]
