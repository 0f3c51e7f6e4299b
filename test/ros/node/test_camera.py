"""The camera's subscriptions: a calibration that is said once, by a camera that starts after the node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

import rclpy
from rclpy.node import Node
from ros_rig import picture, wait_for
from sensor_msgs.msg import CameraInfo

from enet_ros.ros import qos


@pytest.fixture
def late_camera(ros: int) -> Iterator[Callable[[], Node]]:
    """Makes a node of another participant: those of one see each other at once."""
    context = rclpy.Context()
    nodes: list[Node] = []

    def make() -> Node:
        if not context.ok():
            rclpy.init(context=context)
        nodes.append(rclpy.create_node("late_camera", context=context))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.try_shutdown(context=context)


@pytest.fixture
def lone(rig: Callable[..., Any]) -> Any:
    """An active node without anybody on camera_info."""
    made = rig()
    made.watcher.destroy_publisher(made.info)
    made.start()
    return made


def calibration(width: int) -> CameraInfo:
    return CameraInfo(width=width, height=48)


def answered_width(rig: Any, heard: list[CameraInfo]) -> int:
    """Shows a picture; the width in the calibration beside the last mask, 0 for none yet."""
    rig.send(picture(1))
    return int(heard[-1].width) if heard else 0


def test_a_latched_calibration_that_came_after_the_node_is_heard(lone: Any, late_camera: Callable[[], Node]) -> None:
    heard = lone.listen("camera_info", CameraInfo)
    lone.wait_for_camera()
    publisher = late_camera().create_publisher(CameraInfo, "camera_info", qos.latched())
    publisher.publish(calibration(64))
    wait_for(lambda: answered_width(lone, heard) == 64)


def test_a_calibration_that_is_heard_is_not_asked_for_again(lone: Any, late_camera: Callable[[], Node]) -> None:
    publisher = late_camera().create_publisher(CameraInfo, "camera_info", qos.latched())
    publisher.publish(calibration(64))
    lone.listen("mask")
    lone.wait_for_camera()
    camera = lone.node._active._camera
    wait_for(lambda: camera._calibration is not None)
    subscription = camera._info
    for _ in range(2):
        camera.refresh(True)
    assert camera._info is subscription


def test_a_camera_that_comes_back_without_latching_is_heard(lone: Any, late_camera: Callable[[], Node]) -> None:
    first = late_camera()
    latched = first.create_publisher(CameraInfo, "camera_info", qos.latched())
    latched.publish(calibration(64))
    lone.listen("camera_info", CameraInfo)
    lone.wait_for_camera()
    camera = lone.node._active._camera
    wait_for(lambda: camera._calibration is not None)
    first.destroy_publisher(latched)
    again = late_camera().create_publisher(CameraInfo, "camera_info", qos.keep_last(1, "best_effort"))

    def heard_again() -> bool:
        again.publish(calibration(32))
        return camera._calibration.width == 32

    wait_for(heard_again)
