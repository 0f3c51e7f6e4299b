"""CompressedImage payloads: decodes JPEG, PNG and WebP to arrays, encodes arrays as JPEG or PNG."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import cv2
import numpy as np

from enet_ros.arrays import U8
from enet_ros.codec.containers import Header, Kind, jpeg_is_complete, png_is_complete, read_header
from enet_ros.codec.raw import MAX_PIXELS, Buffer, check_size
from enet_ros.errors import ImageError

COMPRESSIONS: Final = ("none", "jpeg", "png")
"""The formats `compress` writes, and "none" for raw images."""

# The calibration describes the pixels as the camera sends them, so EXIF rotation is ignored.
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_GREY_8_BIT = bytes([8, 0])  # bit depth and colour type in a PNG's header


def decode_compressed(format: str, data: Buffer, *, max_pixels: int = MAX_PIXELS) -> U8:
    """Decodes a payload to (height, width, 3) uint8 RGB.

    format: CompressedImage.format: 'jpeg', 'png', 'webp', or compressed_image_transport's
    'rgb8; jpeg compressed bgr8'. The codec is recognised by the bytes; the text matters only where it says
    'compressed rgb...' (red and blue were swapped before encoding). Grey images become RGB, 16-bit PNG loses its
    low byte (>> 8), alpha is dropped. The size in the header is checked before decoding.
    Raises ImageError for truncated or corrupt data, other formats and compressedDepth.
    """
    if "compresseddepth" in format.lower():
        raise ImageError(f"format {format!r} is a depth image: subscribe to the colour camera's compressed topic")
    stream = _stream(data)
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
    if is_swapped(format):
        return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_BGR2RGB), np.uint8)
    return rgb


def is_swapped(format: str) -> bool:
    """Whether red and blue were swapped before encoding, by CompressedImage.format."""
    return "compressed rgb" in format


def decode_ids(data: Buffer, *, max_pixels: int = MAX_PIXELS) -> U8:
    """(height, width) uint8, the values of a PNG of 8 bit grey, such as a mask.

    Raises ImageError for truncated or corrupt data, and for a PNG of another kind, JPEG or WebP: they change values.
    """
    stream = _stream(data)
    header = read_header(stream)
    check_size(header.height, header.width, max_pixels)
    if header.kind is not Kind.PNG or bytes(stream[24:26]) != _GREY_8_BIT:
        raise ImageError(f"a {header.kind.value} of other than 8 bit grey values holds no class ids: send them as png")
    return _imdecode(header, stream, cv2.IMREAD_UNCHANGED)


def _stream(data: Buffer) -> memoryview:
    try:
        return np.frombuffer(data, np.uint8).data
    except (ValueError, TypeError, BufferError) as error:
        raise ImageError(
            f"compressed data of type {type(data).__name__}: pass a contiguous buffer ({error})"
        ) from error


def _decode(header: Header, stream: memoryview) -> U8:
    if header.kind is not Kind.JPEG:
        return _opencv(header, stream)
    if not jpeg_is_complete(stream):  # OpenCV 4 fills the missing part with grey
        raise ImageError(f"JPEG of {len(stream)} bytes is truncated: no end-of-image marker; check the transport")
    turbo = _turbo("decode_jpeg")
    if turbo is None or header.components == 4:  # only OpenCV decodes CMYK
        return _opencv(header, stream)
    return _turbo_jpeg(turbo, stream)


def _opencv(header: Header, stream: memoryview) -> U8:
    return np.asarray(cv2.cvtColor(_imdecode(header, stream, _FLAGS), cv2.COLOR_BGR2RGB), np.uint8)


def _imdecode(header: Header, stream: memoryview, flags: int) -> U8:
    if header.kind is Kind.PNG and not png_is_complete(stream):
        raise ImageError(f"PNG of {len(stream)} bytes is truncated or its chunks are corrupt; check the transport")
    try:
        image = cv2.imdecode(np.frombuffer(stream, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(
            f"{header.kind.value} of {len(stream)} bytes cannot be decoded ({error}): check the transport"
        ) from error
    if image is None:
        raise ImageError(f"{header.kind.value} of {len(stream)} bytes is corrupt or truncated: check the transport")
    return np.asarray(image, np.uint8)


@cache
def _turbo(name: str) -> Callable[..., Any] | None:
    """A function of simplejpeg (libjpeg-turbo), where installed: twice as fast as OpenCV, and it reports damage."""
    try:
        function: Callable[..., Any] = getattr(importlib.import_module("simplejpeg"), name)
    except ImportError:
        return None
    return function


def _turbo_jpeg(decode: Callable[..., Any], stream: memoryview) -> U8:
    try:
        return np.asarray(decode(stream, "RGB"), np.uint8)
    except ValueError as error:
        # Only a warning. It may be about padding after the scan, which webcams add and which is harmless, or about
        # lost data. The latter shows when bytes are inserted before the end: they are decoded in place of what was
        # lost and change the picture.
        damage = str(error)
    whole = bytes(stream)
    end = whole.rfind(b"\xff\xd9")
    try:
        as_sent = decode(whole, "RGB", strict=False)
        extended = decode(whole[:end] + b"\x5a" * 64 + whole[end:], "RGB", strict=False)
    except ValueError as error:
        raise ImageError(f"JPEG of {len(whole)} bytes is corrupt ({error}): check the transport") from error
    if not np.array_equal(as_sent, extended):
        raise ImageError(f"JPEG of {len(whole)} bytes lost data inside its scan ({damage}): check the transport")
    return np.asarray(as_sent, np.uint8)


def compress(pixels: U8, format: str, quality: int = 90) -> bytes:
    """(H, W, 3) uint8 RGB or (H, W) uint8 as a JPEG (4:2:0, quality 1..100) or PNG (lossless).

    Raises ImageError for another format.
    """
    if format == "png":  # OpenCV's own choice of filter and strategy: half the time of compression level 1
        return _encode(".png", pixels, [])
    if format != "jpeg":
        raise ImageError(f"there is no compression {format!r}; use one of {', '.join(COMPRESSIONS)}")
    turbo = _turbo("encode_jpeg")
    if turbo is None or pixels.ndim == 2:
        return _encode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(turbo(np.ascontiguousarray(pixels), quality, "RGB", "420"))


def _encode(ending: str, pixels: U8, parameters: list[int]) -> bytes:
    ordered = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(ending, ordered, parameters)
    if not done:
        raise ImageError(f"an image of shape {pixels.shape} cannot be written as {ending[1:]}")
    return data.tobytes()
