"""Messages and arrays: filled without copies in Python."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from from_messages import from_image
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from enet_ros.codec import UnsupportedEncoding
from enet_ros.ros import messages
from enet_ros.stamps import stamp_ns


def test_stamps_there_and_back() -> None:
    assert stamp_ns(messages.to_stamp(1_723_456_789_012_345_678)) == 1_723_456_789_012_345_678


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_arrays_there_and_back(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    message = messages.to_image(values, "mono8" if len(shape) == 2 else "rgb8", Header(frame_id="eye"))
    assert (message.height, message.width, message.step) == (5, 7, 7 * (1 if len(shape) == 2 else 3))
    assert message.is_bigendian == 0 and message.header.frame_id == "eye"
    assert np.array_equal(from_image(message), values)


def test_a_strided_array_is_made_contiguous() -> None:
    values = np.arange(24, dtype=np.uint8).reshape(4, 6)[:, ::2]
    assert np.array_equal(from_image(messages.to_image(values, "mono8", Header())), values)


def test_decoding_rgb8_is_a_view() -> None:
    message = messages.to_image(np.zeros((4, 6, 3), np.uint8), "rgb8", Header())
    rgb = messages.decode(message, 100)
    message.data[0] = 9
    assert rgb[0, 0, 0] == 9


def test_a_rare_encoding_needs_cv_bridge() -> None:
    message = Image(encoding="32FC1", height=2, width=2, step=8, data=bytes(16))
    if find_spec("cv_bridge"):
        pytest.skip("cv_bridge is installed; test_codec_cv_bridge.py compares with it")
    with pytest.raises(UnsupportedEncoding, match="32FC1"):
        messages.decode(message, 100)
