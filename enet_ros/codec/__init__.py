"""Converts camera messages to RGB arrays and back, without ROS: Image layouts and CompressedImage payloads."""

from __future__ import annotations

from enet_ros.codec.compressed import COMPRESSIONS, compress, decode_compressed, decode_ids, is_swapped
from enet_ros.codec.layouts import ENCODINGS, UnsupportedEncoding
from enet_ros.codec.raw import MAX_PIXELS, RawImage, to_rgb

__all__ = [
    "COMPRESSIONS",
    "ENCODINGS",
    "MAX_PIXELS",
    "RawImage",
    "UnsupportedEncoding",
    "compress",
    "decode_compressed",
    "decode_ids",
    "is_swapped",
    "to_rgb",
]
