"""RGB arrays to the bytes of a compressed image."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.errors import BagError

COMPRESSIONS: Final = ("none", "jpeg", "png")


def compress(rgb: npt.NDArray[np.uint8], format: str, quality: int = 90) -> bytes:
    """(H, W, 3) uint8 RGB as a JPEG (4:2:0, quality 1..100) or PNG (lossless) stream. BagError otherwise."""
    if format == "jpeg":
        return _jpeg(rgb, quality)
    if format != "png":
        raise BagError(f"there is no compression {format!r}; use one of {', '.join(COMPRESSIONS)}")
    return _opencv(".png", rgb, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def _jpeg(rgb: npt.NDArray[np.uint8], quality: int) -> bytes:
    encode = _turbo_encoder()
    if encode is None:
        return _opencv(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(encode(np.ascontiguousarray(rgb), quality, "RGB", "420"))


@lru_cache(maxsize=1)
def _turbo_encoder() -> Callable[..., Any] | None:
    """libjpeg-turbo's own binding, where installed: it takes RGB, and less time than OpenCV."""
    try:
        encoder: Callable[..., Any] = importlib.import_module("simplejpeg").encode_jpeg
    except ImportError:
        return None
    return encoder


def _opencv(ending: str, rgb: npt.NDArray[np.uint8], parameters: list[int]) -> bytes:
    done, data = cv2.imencode(ending, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), parameters)
    if not done:
        raise BagError(f"an image of shape {rgb.shape} cannot be written as {ending[1:]}")
    return data.tobytes()
