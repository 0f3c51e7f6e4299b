"""Fields of messages: calibrations scaled, cut and binned. That rclpy and bags carry the same is tested with ROS."""

from __future__ import annotations

import numpy as np
import pytest

from enet_ros.codec import compress
from enet_ros.errors import ImageError
from enet_ros.messages import (
    CameraInfo,
    Image,
    RegionOfInterest,
    camera_info,
    compressed,
    compressed_image,
    decode,
    intrinsics,
    label_ids,
    scaled_camera_info,
)
from enet_ros.products.lens import scaled as scaled_lens


def calibration() -> CameraInfo:
    k = [500.0, 0.0, 319.5, 0.0, 500.0, 239.5, 0.0, 0.0, 1.0]
    p = [500.0, 0.0, 319.5, -35.0, 0.0, 500.0, 239.5, 0.0, 0.0, 0.0, 1.0, 0.0]
    d, r = np.array([0.1, 0, 0, 0, 0]), np.eye(3).reshape(9)
    roi = RegionOfInterest(x_offset=64, y_offset=48, width=320, height=240, do_rectify=True)
    return CameraInfo(480, 640, "plumb_bob", d, np.array(k), r, np.array(p), roi=roi)


def same(one: CameraInfo, other: CameraInfo) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_calibration_is_scaled_to_the_mask() -> None:
    scaled = scaled_camera_info(calibration()._replace(roi=RegionOfInterest()), 320, 120)
    assert scaled is not None
    assert (scaled.width, scaled.height, scaled.distortion_model) == (320, 120, "plumb_bob")
    # The centre of the image stays its centre: (319.5 + 0.5) / 2 - 0.5 = 159.5.
    assert scaled.k == pytest.approx([250, 0, 159.5, 0, 125, 59.5, 0, 0, 1])
    assert scaled.p == pytest.approx([250, 0, 159.5, -17.5, 0, 125, 59.5, 0, 0, 0, 1, 0])
    assert list(scaled.d) == [0.1, 0, 0, 0, 0]
    assert scaled.roi == RegionOfInterest()


def test_a_region_of_interest_is_scaled_from_its_own_size() -> None:
    """A mask of half the region's size halves the whole sensor's calibration."""
    scaled = scaled_camera_info(calibration(), 160, 120)
    assert scaled is not None
    assert (scaled.width, scaled.height) == (320, 240)
    assert scaled.k == pytest.approx([250, 0, 159.5, 0, 250, 119.5, 0, 0, 1])
    roi = scaled.roi
    assert (roi.x_offset, roi.y_offset, roi.width, roi.height, roi.do_rectify) == (32, 24, 160, 120, True)


@pytest.mark.parametrize("binning", [1, 2])
def test_the_scaled_calibration_looks_where_the_received_one_did(binning: int) -> None:
    """Two messages that mean the same pixels: their intrinsics of the mask agree."""
    info = calibration()._replace(binning_x=binning, binning_y=binning)
    mask = scaled_camera_info(info, 80, 60)
    assert mask is not None
    stated, wanted = intrinsics(mask), scaled_lens(intrinsics(info), 80, 60)
    assert (stated.width, stated.height) == (80, 60)
    assert stated.k == pytest.approx(wanted.k)


def test_scaling_leaves_the_original_alone() -> None:
    info = calibration()
    scaled_camera_info(info, 64, 48)
    assert same(info, calibration())


def test_the_same_size_is_the_same_calibration() -> None:
    scaled = scaled_camera_info(calibration(), 320, 240)
    assert scaled is not None and same(scaled, calibration())


def test_no_size_no_calibration() -> None:
    assert scaled_camera_info(camera_info(None, 0, 0), 64, 48) is None


def test_intrinsics() -> None:
    lens = intrinsics(calibration()._replace(roi=RegionOfInterest(), d=np.array([0.1])))
    assert (lens.width, lens.height, lens.model) == (640, 480, "plumb_bob")
    assert lens.k[0, 0] == 500 and lens.d == (0.1,)


def test_an_uncalibrated_camera_has_zeros() -> None:
    lens = intrinsics(camera_info(None, 480, 640))
    assert (lens.width, lens.height, lens.d, lens.model) == (640, 480, (), "")
    assert not lens.k.any()


def test_intrinsics_are_of_the_region_binned() -> None:
    lens = intrinsics(calibration()._replace(binning_x=2, binning_y=2))
    assert (lens.width, lens.height) == (160, 120)
    np.testing.assert_allclose(lens.k[0], [250, 0, (319.5 - 64 + 0.5) / 2 - 0.5])
    np.testing.assert_allclose(lens.k[1], [0, 250, (239.5 - 48 + 0.5) / 2 - 0.5])


@pytest.mark.parametrize("big_endian", [False, True])
def test_an_image_says_its_byte_order(big_endian: bool) -> None:
    values = np.array([[0x1234, 0xABCD]], ">u2" if big_endian else "<u2")
    message = Image(1, 2, "mono16", int(big_endian), 4, np.frombuffer(values.tobytes(), np.uint8))
    assert decode(message)[0, :, 0].tolist() == [0x12, 0xAB]


def test_too_many_pixels_are_refused_whichever_way_they_come() -> None:
    rgb = np.zeros((4, 5, 3), np.uint8)
    raw, png = Image(4, 5, "rgb8", 0, 15, rgb.reshape(-1)), compressed_image(compress(rgb, "png", 0), "png")
    for message in (raw, png):
        assert decode(message, max_pixels=20).shape == (4, 5, 3)
        with pytest.raises(ImageError, match="5x4 pixels is over the limit of 19"):
            decode(message, max_pixels=19)


@pytest.mark.parametrize(
    ("shape", "format", "text"),
    [
        ((48, 64, 3), "jpeg", "rgb8; jpeg compressed bgr8"),
        ((48, 64, 3), "png", "rgb8; png compressed bgr8"),
        ((48, 64), "jpeg", "mono8; jpeg compressed mono8"),
        ((48, 64), "png", "mono8; png compressed "),
    ],
)
def test_compressed_images_say_so_as_image_transport_does(shape: tuple[int, ...], format: str, text: str) -> None:
    """The texts are those of compressed_publisher.cpp, the blank at the end of the last one too."""
    pixels = np.full(shape, 7, np.uint8)
    message = compressed(pixels, format)
    assert message.format == text
    assert np.array_equal(decode(message), np.full((48, 64, 3), 7))
    if text == "mono8; png compressed ":
        assert np.array_equal(label_ids(message), pixels)
