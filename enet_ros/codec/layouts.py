"""The table of raw encodings: the byte layout behind each name in sensor_msgs/image_encodings.hpp.

Names are matched exactly, as ROS does. `nv12` is not a ROS name, but camera drivers send it as they do `nv21`.
The bare OpenCV types follow OpenCV's own channel order: 8UC3 is BGR, 8UC4 is BGRA, 16UC3 is BGR.
OpenCV names a Bayer pattern by the second row's second and third pixel, ROS by the first two rows' first
pixels: rggb is `BayerBG`.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import cv2

from enet_ros.errors import ImageError


class UnsupportedEncoding(ImageError):
    """The encoding is not in the table; cv_bridge may know it."""


class Family(Enum):
    """How the bytes of an image are grouped."""

    PACKED = "interleaved channels"
    YUV422 = "two pixels in four bytes"
    YUV420 = "luma plane, then interleaved chroma at half the resolution"
    YUV444 = "luma plane, then interleaved chroma at full resolution"


class Layout(NamedTuple):
    """One encoding.

    channels: values per pixel (only the luma plane's for planar families, 2 for 4:2:2).
    sample_bytes: bytes per value, 1 or 2.
    to_rgb: the OpenCV conversion code; None where the values are RGB already, and for YUV444, for which there is none.
    """

    family: Family
    channels: int
    sample_bytes: int
    to_rgb: int | None


def _packed(channels: int, sample_bytes: int, code: int | None) -> Layout:
    return Layout(Family.PACKED, channels, sample_bytes, code)


_UYVY = Layout(Family.YUV422, 2, 1, cv2.COLOR_YUV2RGB_UYVY)
_YUYV = Layout(Family.YUV422, 2, 1, cv2.COLOR_YUV2RGB_YUY2)

ENCODINGS: dict[str, Layout] = {
    "rgb8": _packed(3, 1, None),
    "bgr8": _packed(3, 1, cv2.COLOR_BGR2RGB),
    "rgba8": _packed(4, 1, cv2.COLOR_RGBA2RGB),
    "bgra8": _packed(4, 1, cv2.COLOR_BGRA2RGB),
    "mono8": _packed(1, 1, cv2.COLOR_GRAY2RGB),
    "rgb16": _packed(3, 2, None),
    "bgr16": _packed(3, 2, cv2.COLOR_BGR2RGB),
    "rgba16": _packed(4, 2, cv2.COLOR_RGBA2RGB),
    "bgra16": _packed(4, 2, cv2.COLOR_BGRA2RGB),
    "mono16": _packed(1, 2, cv2.COLOR_GRAY2RGB),
    "8UC1": _packed(1, 1, cv2.COLOR_GRAY2RGB),
    "8UC3": _packed(3, 1, cv2.COLOR_BGR2RGB),
    "8UC4": _packed(4, 1, cv2.COLOR_BGRA2RGB),
    "16UC1": _packed(1, 2, cv2.COLOR_GRAY2RGB),
    "16UC3": _packed(3, 2, cv2.COLOR_BGR2RGB),
    "16UC4": _packed(4, 2, cv2.COLOR_BGRA2RGB),
    "bayer_rggb8": _packed(1, 1, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": _packed(1, 1, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": _packed(1, 1, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": _packed(1, 1, cv2.COLOR_BayerGB2RGB),
    "bayer_rggb16": _packed(1, 2, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr16": _packed(1, 2, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg16": _packed(1, 2, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg16": _packed(1, 2, cv2.COLOR_BayerGB2RGB),
    "uyvy": _UYVY,
    "yuv422": _UYVY,
    "yuyv": _YUYV,
    "yuv422_yuy2": _YUYV,
    "nv12": Layout(Family.YUV420, 1, 1, cv2.COLOR_YUV2RGB_NV12),
    "nv21": Layout(Family.YUV420, 1, 1, cv2.COLOR_YUV2RGB_NV21),
    "nv24": Layout(Family.YUV444, 1, 1, None),
}


def layout_of(encoding: str) -> Layout:
    """The layout of an encoding. Raises UnsupportedEncoding."""
    try:
        return ENCODINGS[encoding]
    except (KeyError, TypeError):
        names = ", ".join(ENCODINGS)
        raise UnsupportedEncoding(
            f"unknown image encoding {encoding!r}: have the camera driver send one of {names}"
        ) from None
