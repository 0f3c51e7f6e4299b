"""Bytes of camera messages to RGB arrays, without ROS: Image layouts and CompressedImage payloads."""

from __future__ import annotations

from enet_ros.codec.compressed import decode_compressed
from enet_ros.codec.layouts import ENCODINGS, UnsupportedEncoding, supports
from enet_ros.codec.raw import MAX_PIXELS, RawImage, to_rgb

__all__ = [
    "ENCODINGS",
    "MAX_PIXELS",
    "RawImage",
    "UnsupportedEncoding",
    "decode_compressed",
    "supports",
    "to_rgb",
]
