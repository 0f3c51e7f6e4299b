"""The bag's CDR against ROS 2's own serialization."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header as Stamped

from enet_ros import messages
from enet_ros.bags.messages import (
    CAMERA_INFO,
    COMPRESSED,
    FREE_SPACE,
    IMAGE,
    camera_info_cdr,
    compressed_cdr,
    definition_of,
    from_cdr,
    image_cdr,
    message_folder,
    to_cdr,
    typestore,
)
from enet_ros.camera import CameraIntrinsics
from enet_ros.card import ModelCard
from enet_ros.classes import get_table
from enet_ros.engines.base import EngineInfo
from enet_ros.messages import Header
from enet_ros.msg import FreeSpace, SegmentationInfo
from enet_ros.products.free_space import FreeSpace as FreeSpaceOfImage
from enet_ros.products.points import Metres
from enet_ros.ros.messages import to_message, to_stamp
from enet_ros.spec import ENetSpec

HEADER = Header(265_300_000_001, "camera_optical_frame")


def same(msgtype: str, theirs: bytes, ours: bytes) -> bool:
    """Equal but for the alignment bytes, which rclpy leaves as they are in its memory."""
    return len(theirs) == len(ours) and bytes(typestore().serialize_cdr(from_cdr(msgtype, theirs), msgtype)) == ours


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
    space = FreeSpaceOfImage(np.array([4, 0, 2], np.int32), np.array([1, 0, 2], np.uint8))
    metres = Metres(np.array([1.5, np.nan, 3], np.float32), np.array([0.1, 0, -0.1], np.float32), "")
    cdr = bytes(to_cdr(HEADER, messages.free_space(space, 4, metres, "base_link")))
    message = deserialize_message(cdr, FreeSpace)
    assert list(message.boundary_row) == [4, 0, 2]
    assert (message.height, message.width, message.column_offset, message.column_step) == (4, 3, 0, 1)
    assert message.base_frame == "base_link"
    assert message.range[0] == 1.5 and np.isnan(message.range[1])
    assert same(FREE_SPACE, serialize_message(message), cdr)
    assert list(from_cdr("enet_ros/msg/FreeSpace", cdr).boundary_row) == [4, 0, 2]


def values() -> dict[str, tuple[Any, type]]:
    """One value of each kind and rclpy's class of it."""
    camera = CameraIntrinsics(640, 480, np.array([[500, 0, 319], [0, 501, 239], [0, 0, 1.0]]), (0.1, -0.2, 0, 0, 0))
    calibration = messages.camera_info(camera, 480, 640)
    region = messages.RegionOfInterest(x_offset=3, y_offset=4, height=100, width=200, do_rectify=True)
    space = FreeSpaceOfImage(np.array([4, 0, 2], np.int32), np.array([1, 0, 2], np.uint8))
    metres = Metres(np.array([1.5, 2, 3], np.float32), np.array([0.1, 0, -0.1], np.float32), "")
    rows_alone = Metres(np.empty(0, np.float32), np.empty(0, np.float32), "no pose")
    card = ModelCard("camvid", ENetSpec(11), get_table("camvid"), (360, 480), license="MIT", digest="ab12")
    engine = EngineInfo("openvino", "OpenVINO 2024.1", "CPU", "fp32", (360, 480), 2, 100.0, "it keeps the labels")
    return {
        "image": (messages.image(np.arange(24, dtype=np.uint8).reshape(2, 4, 3), "rgb8"), Image),
        "mask": (messages.image(np.arange(8, dtype=np.uint8).reshape(2, 4)[:, ::2], "mono8"), Image),
        "compressed": (messages.compressed_image(b"picture", "jpeg"), CompressedImage),
        "calibration": (calibration, CameraInfo),
        "region": (calibration._replace(binning_x=2, binning_y=2, roi=region), CameraInfo),
        "uncalibrated": (messages.camera_info(None, 480, 640), CameraInfo),
        "free space": (messages.free_space(space, 4, metres, "base_link"), FreeSpace),
        "rows alone": (messages.free_space(space, 4, rows_alone, "base_link"), FreeSpace),
        "info": (messages.segmentation_info(card, engine, ("drivable", "people")), SegmentationInfo),
    }


@pytest.mark.parametrize("name", list(values()))
def test_bags_and_topics_carry_the_same_fields(name: str) -> None:
    value, kind = values()[name]
    stamped = Stamped(stamp=to_stamp(HEADER.stamp_ns), frame_id=HEADER.frame_id)
    published = to_message(value, stamped)
    assert published.header is stamped
    assert deserialize_message(bytes(to_cdr(HEADER, value)), kind) == published
    assert {field for field in kind.get_fields_and_field_types() if field != "header"} == set(value._fields)


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
