"""sensor_msgs/CompressedImage payloads to an RGB array: JPEG, PNG and WebP."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.codec.containers import Header, Kind, jpeg_is_complete, read_header
from enet_ros.codec.raw import MAX_PIXELS, Buffer, check_size
from enet_ros.errors import ImageError

_UINT8 = npt.NDArray[np.uint8]

# A camera's pixels are what the calibration describes: no turning by EXIF.
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION


def decode_compressed(format: str, data: Buffer, *, max_pixels: int = MAX_PIXELS) -> _UINT8:
    """(height, width, 3) uint8 RGB.

    format: CompressedImage.format: 'jpeg', 'png', 'webp', or compressed_image_transport's
    'rgb8; jpeg compressed bgr8'. The bytes decide which codec it is; of the text only 'compressed rgb...'
    matters (red and blue were swapped before encoding). Grey images become RGB, 16 bit PNG loses its low byte
    (>> 8), alpha is dropped. The size in the header is checked before decoding.
    Raises ImageError for truncated or corrupt data, other formats and compressedDepth.
    """
    if "compresseddepth" in format.lower():
        raise ImageError(f"format {format!r} is a depth image: subscribe to the colour camera's compressed topic")
    try:
        stream = np.frombuffer(data, np.uint8).data
    except (ValueError, TypeError, BufferError) as error:
        raise ImageError(
            f"compressed data of type {type(data).__name__}: pass a contiguous buffer ({error})"
        ) from error
    try:
        header = read_header(stream)
        check_size(header.height, header.width, max_pixels)
        rgb = _decode(header, stream)
    except ImageError as error:
        raise ImageError(f"format {format!r}: {error}") from error
    if rgb.shape != (header.height, header.width, 3):
        raise ImageError(
            f"format {format!r}: decoded to {rgb.shape[1]}x{rgb.shape[0]} where the header says"
            f" {header.width}x{header.height}: the data is corrupt"
        )
    if "compressed rgb" in format:
        return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_BGR2RGB), np.uint8)
    return rgb


def _decode(header: Header, stream: memoryview) -> _UINT8:
    if header.kind is not Kind.JPEG:
        return _opencv(header, stream)
    if not jpeg_is_complete(stream):  # OpenCV 4 fills the missing part with grey
        raise ImageError(f"JPEG of {len(stream)} bytes is truncated: no end-of-image marker; check the transport")
    turbo = _turbo_decoder()
    if turbo is None or header.components == 4:  # CMYK is OpenCV's alone
        return _opencv(header, stream)
    return _turbo_jpeg(turbo, stream)


def _opencv(header: Header, stream: memoryview) -> _UINT8:
    try:
        image = cv2.imdecode(np.frombuffer(stream, np.uint8), _FLAGS)
    except cv2.error as error:
        raise ImageError(
            f"{header.kind.value} of {len(stream)} bytes cannot be decoded ({error}): check the transport"
        ) from error
    if image is None:
        raise ImageError(f"{header.kind.value} of {len(stream)} bytes is corrupt or truncated: check the transport")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _turbo_decoder() -> Callable[..., Any] | None:
    """libjpeg-turbo's own binding, where installed: half of OpenCV's time and it reports damage."""
    try:
        decoder: Callable[..., Any] = importlib.import_module("simplejpeg").decode_jpeg
    except ImportError:
        return None
    return decoder


def _turbo_jpeg(decode: Callable[..., Any], stream: memoryview) -> _UINT8:
    try:
        return np.asarray(decode(stream, "RGB"), np.uint8)
    except ValueError as error:
        # A warning. Webcams pad the scan, which is harmless; a scan that lost data is not: bytes put before
        # its end are taken for the lost ones and change the picture.
        damage = str(error)
    whole = bytes(stream)
    end = whole.rfind(b"\xff\xd9")
    try:
        as_sent = decode(whole, "RGB", strict=False)
        extended = decode(whole[:end] + b"\x5a" * 64 + whole[end:], "RGB", strict=False)
    except ValueError as error:
        raise ImageError(f"JPEG of {len(whole)} bytes is corrupt ({error}): check the transport") from error
    if not np.array_equal(as_sent, extended):
        raise ImageError(f"JPEG of {len(whole)} bytes lost data within ({damage}): check the transport")
    return np.asarray(as_sent, np.uint8)
