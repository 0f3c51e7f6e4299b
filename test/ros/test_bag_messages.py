"""The bag's CDR against ROS 2's own serialization."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from enet_ros.bags.messages import (
    Header,
    camera_info_cdr,
    compressed_cdr,
    from_cdr,
    header,
    image_cdr,
    make,
    to_cdr,
)
from enet_ros.bags.types import CAMERA_INFO, COMPRESSED, FREE_SPACE, IMAGE, definition_of, message_folder
from enet_ros.camera import CameraIntrinsics
from enet_ros.msg import FreeSpace

HEADER = Header(265_300_000_001, "camera_optical_frame")


def same(msgtype: str, theirs: bytes, ours: bytes) -> bool:
    """Equal but for the alignment bytes, which rclpy leaves as they are in its memory."""
    return len(theirs) == len(ours) and bytes(to_cdr(msgtype, from_cdr(msgtype, theirs))) == ours


def test_images_are_what_rclpy_reads_and_writes() -> None:
    rgb = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    cdr = bytes(image_cdr(HEADER, rgb, "rgb8"))
    message = deserialize_message(cdr, Image)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (265, 300_000_001)
    assert (message.header.frame_id, message.encoding) == ("camera_optical_frame", "rgb8")
    assert (message.height, message.width, message.step, message.is_bigendian) == (4, 6, 18, 0)
    assert bytes(message.data) == rgb.tobytes()
    assert same(IMAGE, serialize_message(message), cdr)


def test_compressed_images_and_calibrations_too() -> None:
    cdr = bytes(compressed_cdr(HEADER, b"\xff\xd8 picture", "jpeg"))
    message = deserialize_message(cdr, CompressedImage)
    assert (message.format, bytes(message.data)) == ("jpeg", b"\xff\xd8 picture")
    assert same(COMPRESSED, serialize_message(message), cdr)
    camera = CameraIntrinsics(640, 480, np.array([[500, 0, 319], [0, 501, 239], [0, 0, 1.0]]), (0.1, -0.2, 0, 0, 0))
    cdr = bytes(camera_info_cdr(HEADER, camera))
    info = deserialize_message(cdr, CameraInfo)
    assert list(info.k) == camera.k.reshape(-1).tolist()
    assert (list(info.d), info.distortion_model) == (list(camera.d), "plumb_bob")
    assert same(CAMERA_INFO, serialize_message(info), cdr)


def test_free_space_is_the_message_that_colcon_built() -> None:
    """By its fields in CDR, and by the type hash that a subscriber compares."""
    sent = make(
        "enet_ros/msg/FreeSpace",
        header=header(*HEADER),
        height=4,
        width=3,
        column_offset=0,
        column_step=1,
        boundary_row=np.array([4, 0, 2], np.uint16),
        ends_at=np.array([1, 0, 2], np.uint8),
        base_frame="base_link",
        range=np.array([1.5, np.nan, 3], np.float32),
        bearing=np.array([0.1, 0, -0.1], np.float32),
    )
    cdr = bytes(to_cdr("enet_ros/msg/FreeSpace", sent))
    message = deserialize_message(cdr, FreeSpace)
    assert list(message.boundary_row) == [4, 0, 2]
    assert message.base_frame == "base_link"
    assert message.range[0] == 1.5 and np.isnan(message.range[1])
    assert same(FREE_SPACE, serialize_message(message), cdr)
    assert list(from_cdr("enet_ros/msg/FreeSpace", cdr).boundary_row) == [4, 0, 2]


@pytest.mark.parametrize(
    "name", ["enet_ros/FreeSpace", "enet_ros/SegmentationInfo", "sensor_msgs/Image", "sensor_msgs/CameraInfo"]
)
def test_type_hashes_are_those_of_ros(name: str) -> None:
    package, base = name.split("/")
    found = type_description(package, base)
    if found is None:
        pytest.skip(f"no installed type description of {name} (ROS 2 Iron and later have them)")
    hashes = {h["type_name"]: h["hash_string"] for h in json.loads(found.read_text())["type_hashes"]}
    assert definition_of(f"{package}/msg/{base}")[1] == hashes[f"{package}/msg/{base}"]
    assert (message_folder() / "FreeSpace.msg").is_file()


def type_description(package: str, base: str) -> Path | None:
    import os

    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(":"):
        path = Path(prefix) / "share" / package / "msg" / f"{base}.json"
        if path.is_file():
            return path
    return None
