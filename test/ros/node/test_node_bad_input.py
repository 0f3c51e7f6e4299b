"""Whatever a camera sends: the frame is counted and told, the next one is answered."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from typing import Any

import cv2
import pytest
from from_messages import from_image
from ros_rig import Rig, picture, wait_for
from sensor_msgs.msg import CameraInfo, CompressedImage

from enet_ros.ros import qos
from enet_ros.ros.messages import to_sequence


def then_next_is_answered(r: Rig, masks: list[Any], failed: int) -> None:
    wait_for(lambda: r.counters().failed == failed)
    before = len(masks)
    r.send(picture(5))
    wait_for(lambda: len(masks) == before + 1)
    assert (from_image(masks[-1]) == 5).all()
    assert r.counters().received == failed + len(masks)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"data": array("B", bytes(48 * 64 * 3 - 1))}, "truncated image: 9215 bytes"),
        ({"data": array("B")}, "0 bytes where 64x48 rgb8"),
        ({"step": 64}, "step of 64 bytes is too short"),
        ({"step": 4_000_000_000}, "with step 4000000000 takes"),
        ({"height": 0}, "image of 64x0 pixels"),
        ({"width": 0, "step": 0}, "image of 0x48 pixels"),
        ({"height": 4_294_967_295}, "is over the limit of 50000000"),
        ({"height": 100_000, "width": 100_000, "step": 300_000}, "pixels"),
        ({"encoding": "rgb7"}, "rgb7"),
        ({"encoding": ""}, "unknown image encoding ''"),
        ({"encoding": "32FC1"}, "32FC1"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_image_is_counted_and_the_next_answered(
    rig: Callable[..., Rig], changes: dict[str, Any], complaint: str
) -> None:
    r = rig()
    masks = r.listen("mask")
    r.start()
    r.wait_for_camera()
    r.send(picture(1), **changes)
    then_next_is_answered(r, masks, 1)
    assert complaint in r.node._active.account.last_error


def test_a_limit_by_parameter(rig: Callable[..., Rig]) -> None:
    r = rig(max_pixels=48 * 64)
    masks = r.listen("mask")
    r.start()
    r.wait_for_camera()
    r.send(picture(1, (48, 65)))
    then_next_is_answered(r, masks, 1)


def test_oversized_data_and_padded_rows(rig: Callable[..., Rig]) -> None:
    r = rig()
    masks = r.listen("mask")
    r.start()
    r.wait_for_camera()
    message = r.send(picture(3))
    wait_for(lambda: len(masks) == 1)  # else the next picture may take its place in the mailbox
    r.send(picture(3), data=array("B", bytes(message.data) + b"\0" * 1000))
    wait_for(lambda: r.counters().failed == 1)
    then_next_is_answered(r, masks, 1)


def test_sizes_may_change_within_a_stream(rig: Callable[..., Rig]) -> None:
    r = rig()
    masks, overlays = r.listen("mask"), r.listen("overlay")
    r.start()
    r.wait_for_camera()
    shapes = [(48, 64), (1, 1), (7, 333), (240, 320), (48, 64)]
    for number, shape in enumerate(shapes):
        r.send(picture(number, shape))
        wait_for(lambda n=number: len(masks) == n + 1)
    assert [(mask.height, mask.width) for mask in masks] == shapes
    wait_for(lambda: len(overlays) == len(shapes))
    assert r.counters().failed == 0


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "header"])
def test_a_corrupt_jpeg(rig: Callable[..., Rig], damage: str) -> None:
    r = rig(image_transport="compressed")
    masks = r.listen("mask")
    camera = r.watcher.create_publisher(CompressedImage, "image_raw/compressed", qos.keep_last(5, "reliable"))
    r.start()
    r.wait_for_camera(camera)
    _, payload = cv2.imencode(".jpg", picture(5))
    good = payload.tobytes()
    bad = {"cut": good[: len(good) // 2], "noise": bytes(range(256)) * 4, "empty": b"", "header": good[:20]}[damage]
    camera.publish(CompressedImage(format="jpeg", data=bad))
    wait_for(lambda: r.counters().failed == 1)
    _, payload = cv2.imencode(".png", picture(5)[..., ::-1])
    camera.publish(CompressedImage(format="png", data=to_sequence(payload)))
    wait_for(lambda: masks)
    assert (from_image(masks[0]) == 5).all()


def test_nan_in_the_calibration_stops_no_mask(rig: Callable[..., Rig]) -> None:
    r = rig(camera_height=1.5)
    masks, points = r.listen("mask"), r.listen("obstacle_points", _points())
    r.start()
    r.wait_for_camera()
    r.wait_for_info()
    r.info.publish(CameraInfo(width=64, height=48, k=[math.nan] * 9))
    wait_for(lambda: r.node._active._camera._calibration is not None)
    r.send(picture(1))
    wait_for(lambda: masks)
    problems = wait_for(lambda: dict(r.node._active.health().problems))
    assert "NaN" in problems["~/obstacle_points"] or "finite" in problems["~/obstacle_points"]
    assert points == []


def _points() -> type:
    from sensor_msgs.msg import PointCloud2

    return PointCloud2


def test_an_engine_that_raises_on_one_frame(rig: Callable[..., Rig]) -> None:
    r = rig()
    masks = r.listen("mask")
    r.start()
    r.wait_for_camera()
    r.send(picture(250))
    then_next_is_answered(r, masks, 1)
    assert "the accelerator has gone" in r.node._active.account.last_error


def test_an_output_that_fails_takes_no_other_with_it(rig: Callable[..., Rig]) -> None:
    r = rig()
    masks, infos = r.listen("mask"), r.listen("camera_info", CameraInfo)
    r.start()
    r.wait_for_camera()
    r.send(picture(1))
    wait_for(lambda: masks)
    assert infos == []
    assert dict(r.node._active.health().problems) == {"~/camera_info": "no camera_info has arrived"}


def test_bad_images_do_not_fill_the_log(rig: Callable[..., Rig], capfd: pytest.CaptureFixture[str]) -> None:
    r = rig()
    masks = r.listen("mask")
    r.start()
    r.wait_for_camera()
    for number in range(10):
        r.send(picture(1), encoding="rgb7")
        wait_for(lambda n=number: r.counters().failed == n + 1)
    then_next_is_answered(r, masks, 10)
    told = [line for line in capfd.readouterr().err.splitlines() if "image failed" in line]
    assert len(told) == 1, "within five seconds one line is enough"
