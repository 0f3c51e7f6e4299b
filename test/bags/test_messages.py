from __future__ import annotations

import numpy as np
import pytest

from enet_ros.bags.messages import (
    CAMERA_INFO,
    COMPRESSED,
    IMAGE,
    camera_frame,
    camera_info_cdr,
    compressed_cdr,
    definition_of,
    from_cdr,
    image_cdr,
    label_image,
    message_folder,
    typestore,
)
from enet_ros.camera import CameraIntrinsics
from enet_ros.errors import BagError, ImageError
from enet_ros.messages import Header, header_of, intrinsics

HEADER = Header(265_300_000_001, "camera_optical_frame")


def test_an_image_comes_back() -> None:
    rgb = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    frame = camera_frame(IMAGE, image_cdr(HEADER, rgb[:, ::-1], "rgb8"))
    assert frame.header == HEADER
    np.testing.assert_array_equal(frame.rgb, rgb[:, ::-1])


def test_a_mask_comes_back() -> None:
    labels = np.arange(35, dtype=np.uint8).reshape(5, 7)
    header, found = label_image(IMAGE, image_cdr(HEADER, labels, "mono8"))
    assert header == HEADER
    np.testing.assert_array_equal(found, labels)


def test_a_calibration_comes_back() -> None:
    camera = CameraIntrinsics(640, 480, np.array([[500, 0, 319], [0, 501, 239], [0, 0, 1.0]]), (0.1, -0.2, 0, 0, 0.01))
    message = from_cdr(CAMERA_INFO, camera_info_cdr(HEADER, camera))
    found = intrinsics(message)
    np.testing.assert_array_equal(found.k, camera.k)
    assert (found.width, found.height, found.d, found.model) == (640, 480, camera.d, "plumb_bob")
    np.testing.assert_array_equal(message.p, [500, 0, 319, 0, 0, 501, 239, 0, 0, 0, 1, 0])
    assert header_of(message) == HEADER


@pytest.mark.parametrize("keep", [0, 3, 20, 60])
def test_a_cut_message_is_an_error(keep: int) -> None:
    cdr = image_cdr(HEADER, np.zeros((5, 7, 3), np.uint8), "rgb8")
    with pytest.raises(BagError, match=f"{keep} bytes are not a sensor_msgs/msg/Image"):
        camera_frame(IMAGE, bytes(cdr[:keep]))


def test_lengths_that_do_not_fit_are_errors() -> None:
    cdr = bytearray(compressed_cdr(HEADER, b"abc", "jpeg"))
    at = cdr.index(b"jpeg") - 4
    cdr[at : at + 4] = b"\xff" * 4
    with pytest.raises(BagError, match="are not a sensor_msgs/msg/CompressedImage"):
        camera_frame(COMPRESSED, bytes(cdr))
    with pytest.raises(BagError, match="is not an image: choose a topic of"):
        camera_frame(CAMERA_INFO, camera_info_cdr(HEADER, CameraIntrinsics.from_fov(4, 4, 1.0)))
    with pytest.raises(ImageError, match="class ids need mono8"):
        label_image(IMAGE, image_cdr(HEADER, np.zeros((5, 7, 3), np.uint8), "rgb8"))


def test_the_packages_own_messages_are_known() -> None:
    assert {path.stem for path in message_folder().glob("*.msg")} <= {
        name.rpartition("/")[2] for name in typestore().types if name.startswith("enet_ros/")
    }
    text, digest = definition_of("enet_ros/msg/FreeSpace")
    assert "uint16[] boundary_row" in text
    assert digest.startswith("RIHS01_")
