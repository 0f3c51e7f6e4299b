"""The service that tells the camera's tilt, on the street, whose labels the engine reads off the red channel."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from ros_rig import Rig, picture, wait_for
from sensor_msgs.msg import CameraInfo

from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.srv import CalibratePose
from enet_ros.street import Street

POSE = CameraPose(1.4, 0.08, 0.03, yaw_rad=0.05)
LENS = CameraIntrinsics.from_fov(640, 480, math.radians(64))


@pytest.fixture(scope="module")
def drive() -> list[Any]:
    """(H, W, 3) uint8 pictures, whose red channel holds the labels."""
    street = Street(2, pose=POSE, intrinsics=LENS)
    drawn = [street.frame(30 * index) for index in range(4)]
    return [np.dstack([frame.labels, frame.image[..., 1], frame.image[..., 2]]) for frame in drawn]


@contextmanager
def camera(r: Rig, pictures: list[Any]) -> Iterator[None]:
    """Sends them again and again, with their calibration."""
    info = CameraInfo(width=LENS.width, height=LENS.height, k=LENS.k.ravel().tolist())
    stopped = threading.Event()

    def run() -> None:
        count = 0
        while not stopped.wait(0.03):
            r.info.publish(info)
            r.send(pictures[count % len(pictures)])
            count += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def call(r: Rig, **request: Any) -> Any:
    client = r.watcher.create_client(CalibratePose, "/segmentation/calibrate_pose")
    assert client.wait_for_service(20)
    return client.call_async(CalibratePose.Request(**request))


def result(future: Any) -> Any:
    wait_for(future.done)
    return future.result()


@pytest.mark.parametrize("executor", ["auto", "single"])
def test_it_tells_the_tilt_and_sets_it_when_asked(rig: Callable[..., Rig], drive: list[Any], executor: str) -> None:
    r = rig(executor=executor, input_width=640, input_height=480)
    r.start()
    with camera(r, drive):
        told = result(call(r, frames=4))
        assert told.success and told.message == "nothing is set", told.message
        assert told.frames == 4
        assert abs(told.pitch - POSE.pitch_rad) < math.radians(0.2)
        assert abs(told.roll - POSE.roll_rad) < math.radians(0.3)
        assert 0 <= told.pitch_spread < math.radians(0.2) and 0 <= told.roll_spread < math.radians(0.5)
        assert r.node.parameters.camera_pitch == 0
        counters = r.counters()
        told = result(call(r, frames=4, apply=True))
        assert told.message == "camera_pitch and camera_roll set"
        assert r.node.get_parameter("camera_pitch").value == told.pitch == r.node.parameters.camera_pitch
        assert r.node.parameters.camera_roll == told.roll
        assert r.counters() is counters and counters.failed == 0
    wait_for(lambda: r.camera.get_subscription_count() == 0, "the camera is still subscribed, for nobody")


def test_what_is_no_road_is_refused_and_nothing_is_set(rig: Callable[..., Rig]) -> None:
    r = rig(input_width=640, input_height=480)
    r.start()
    with camera(r, [picture(3, (480, 640))]):
        told = result(call(r, frames=3, apply=True))
    assert not told.success and "a road was found in 0 of 3 images" in told.message and math.isnan(told.pitch)
    assert r.node.parameters.camera_pitch == 0


def test_it_waits_no_longer_than_it_may(rig: Callable[..., Rig]) -> None:
    r = rig()
    told = result(call(r))
    assert not told.success and told.message == "the node is not active"
    r.start()
    told = result(call(r, timeout=0.2))
    assert not told.success and told.message == "no image was answered"
    future = call(r, timeout=600.0)
    wait_for(lambda: r.node._active.looking is not None)
    other = result(call(r))
    assert not other.success and "another call" in other.message
    r.node.trigger_deactivate()
    assert not result(future).success


def test_tf_is_not_overruled(rig: Callable[..., Rig], drive: list[Any]) -> None:
    r = rig(input_width=640, input_height=480, use_tf=True)
    r.start()
    with camera(r, drive):
        told = result(call(r, frames=3, apply=True))
    assert told.success and "use_tf" in told.message and r.node.parameters.camera_pitch == 0
