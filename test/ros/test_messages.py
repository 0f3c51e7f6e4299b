"""Messages and arrays: filled without copies in Python, scaled calibrations, refused calibrations."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest
from std_msgs.msg import Header

from enet_ros.codec import UnsupportedEncoding
from enet_ros.products.lens import scaled as scaled_lens
from enet_ros.ros import messages


def test_stamps_there_and_back() -> None:
    assert messages.stamp_ns(messages.to_stamp(1_723_456_789_012_345_678)) == 1_723_456_789_012_345_678


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_arrays_there_and_back(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    message = messages.to_image(values, "mono8" if len(shape) == 2 else "rgb8", Header(frame_id="eye"))
    assert (message.height, message.width, message.step) == (5, 7, 7 * (1 if len(shape) == 2 else 3))
    assert message.is_bigendian == 0 and message.header.frame_id == "eye"
    assert np.array_equal(messages.from_image(message), values)


def test_a_strided_array_is_made_contiguous() -> None:
    values = np.arange(24, dtype=np.uint8).reshape(4, 6)[:, ::2]
    assert np.array_equal(messages.from_image(messages.to_image(values, "mono8", Header())), values)


def test_decoding_rgb8_is_a_view() -> None:
    message = messages.to_image(np.zeros((4, 6, 3), np.uint8), "rgb8", Header())
    rgb = messages.decode(message, 100)
    message.data[0] = 9
    assert rgb[0, 0, 0] == 9


def test_a_rare_encoding_needs_cv_bridge() -> None:
    message = Image(encoding="32FC1", height=2, width=2, step=8, data=bytes(16))
    if messages.has_cv_bridge():
        pytest.skip("cv_bridge is installed; test_codec_cv_bridge.py compares with it")
    with pytest.raises(UnsupportedEncoding, match="32FC1"):
        messages.decode(message, 100)


def calibration() -> CameraInfo:
    k = [500.0, 0.0, 319.5, 0.0, 500.0, 239.5, 0.0, 0.0, 1.0]
    p = [500.0, 0.0, 319.5, -35.0, 0.0, 500.0, 239.5, 0.0, 0.0, 0.0, 1.0, 0.0]
    roi = RegionOfInterest(x_offset=64, y_offset=48, width=320, height=240, do_rectify=True)
    return CameraInfo(
        width=640, height=480, distortion_model="plumb_bob", d=[0.1, 0.0, 0.0, 0.0, 0.0], k=k, p=p, roi=roi
    )


def test_a_calibration_is_scaled_to_the_mask() -> None:
    header = Header(frame_id="eye")
    info = calibration()
    info.roi = RegionOfInterest()
    scaled = messages.scaled_camera_info(info, 320, 120, header)
    assert scaled is not None and scaled.header is header
    assert (scaled.width, scaled.height, scaled.distortion_model) == (320, 120, "plumb_bob")
    # The centre of the image stays its centre: (319.5 + 0.5) / 2 - 0.5 = 159.5.
    assert scaled.k == pytest.approx([250, 0, 159.5, 0, 125, 59.5, 0, 0, 1])
    assert scaled.p == pytest.approx([250, 0, 159.5, -17.5, 0, 125, 59.5, 0, 0, 0, 1, 0])
    assert list(scaled.d) == [0.1, 0, 0, 0, 0]
    assert scaled.roi == RegionOfInterest()


def test_a_region_of_interest_is_scaled_from_its_own_size() -> None:
    """A mask of half the region's size halves the whole sensor's calibration."""
    scaled = messages.scaled_camera_info(calibration(), 160, 120, Header())
    assert scaled is not None
    assert (scaled.width, scaled.height) == (320, 240)
    assert scaled.k == pytest.approx([250, 0, 159.5, 0, 250, 119.5, 0, 0, 1])
    roi = scaled.roi
    assert (roi.x_offset, roi.y_offset, roi.width, roi.height, roi.do_rectify) == (32, 24, 160, 120, True)


@pytest.mark.parametrize("binning", [1, 2])
def test_the_scaled_calibration_looks_where_the_received_one_did(binning: int) -> None:
    """Two messages that mean the same pixels: their intrinsics of the mask agree."""
    info = calibration()
    info.binning_x = info.binning_y = binning
    mask = messages.scaled_camera_info(info, 80, 60, Header())
    assert mask is not None
    stated, wanted = messages.intrinsics(mask), scaled_lens(messages.intrinsics(info), 80, 60)
    assert (stated.width, stated.height) == (80, 60)
    assert stated.k == pytest.approx(wanted.k)


def test_scaling_leaves_the_original_alone() -> None:
    info = calibration()
    messages.scaled_camera_info(info, 64, 48, Header())
    assert info == calibration()


def test_the_same_size_is_the_same_calibration() -> None:
    scaled = messages.scaled_camera_info(calibration(), 320, 240, Header())
    assert scaled == calibration()


def test_no_size_no_calibration() -> None:
    assert messages.scaled_camera_info(CameraInfo(), 64, 48, Header()) is None


def test_intrinsics() -> None:
    lens = messages.intrinsics(
        CameraInfo(width=640, height=480, k=calibration().k, d=[0.1], distortion_model="plumb_bob")
    )
    assert (lens.width, lens.height, lens.model) == (640, 480, "plumb_bob")
    assert lens.k[0, 0] == 500 and lens.d[0] == 0.1
