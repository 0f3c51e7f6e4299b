"""sensor_msgs/Image fields to an RGB array, by views where the layout allows."""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple, Union

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.codec.layouts import Family, Layout, layout_of
from enet_ros.codec.yuv import as_uint8 as _uint8
from enet_ros.codec.yuv import packed_422_to_rgb, planar_420_to_rgb, planar_444_to_rgb
from enet_ros.errors import ImageError

MAX_PIXELS = 50_000_000
"""Default limit of height * width: above any camera's frame, below what a corrupt header can ask for."""

Buffer = Union[bytes, bytearray, memoryview, "array[int]", npt.NDArray[Any]]


class RawImage(NamedTuple):
    """The fields of a sensor_msgs/Image.

    height and width in pixels, step in bytes per row, data of step * height bytes (planar YUV: the luma plane
    of step * height bytes, then its chroma).
    """

    encoding: str
    height: int
    width: int
    step: int
    is_bigendian: bool
    data: Buffer


def to_rgb(raw: RawImage, *, max_pixels: int = MAX_PIXELS) -> npt.NDArray[np.uint8]:
    """(height, width, 3) uint8 RGB.

    rgb8 is a view of `raw.data` (it keeps the buffer alive, is read-only where the buffer is, and its rows
    are `step` bytes apart); every other encoding is an OpenCV call into a new array. 16 bit values become 8
    bit by dropping the low byte (>> 8), so a 12 bit camera that does not scale to 16 bit looks dark. YUV is
    ITU-R BT.601, limited range.

    Raises ImageError (UnsupportedEncoding for a name outside the table) with the value and the remedy.
    """
    layout = layout_of(raw.encoding)
    check_size(raw.height, raw.width, max_pixels)
    flat = _bytes(raw, layout)
    if layout.family is Family.PACKED:
        return _packed_to_rgb(raw, layout, flat)
    if layout.to_rgb is None:
        return planar_444_to_rgb(flat, raw.height, raw.width, raw.step)
    if layout.family is Family.YUV422:
        return packed_422_to_rgb(flat, raw.height, raw.width, raw.step, layout.to_rgb)
    return planar_420_to_rgb(flat, raw.height, raw.width, raw.step, layout.to_rgb)


def check_size(height: int, width: int, max_pixels: int) -> None:
    """Raise ImageError for an empty image or one of more than max_pixels."""
    if height <= 0 or width <= 0:
        raise ImageError(f"image of {width}x{height} pixels: the camera driver must send a width and height above 0")
    if height * width > max_pixels:
        raise ImageError(
            f"image of {width}x{height} pixels is over the limit of {max_pixels}:"
            " raise max_pixels if the camera is so large"
        )


def _bytes(raw: RawImage, layout: Layout) -> npt.NDArray[np.uint8]:
    """Flat view of the data after the step and length checks."""
    least = raw.width * layout.channels * layout.sample_bytes
    if raw.step < least:
        raise ImageError(
            f"step of {raw.step} bytes is too short for a row of {raw.width} pixels of {raw.encoding}:"
            f" the driver must set it to at least {least}"
        )
    try:
        flat = np.frombuffer(raw.data, np.uint8)
    except (ValueError, TypeError, BufferError) as error:
        raise ImageError(f"image data of type {type(raw.data).__name__}: pass a contiguous buffer ({error})") from error
    expected = _data_bytes(raw, layout)
    if flat.size != expected:
        word = "truncated" if flat.size < expected else "oversized"
        raise ImageError(
            f"{word} image: {flat.size} bytes where {raw.width}x{raw.height} {raw.encoding}"
            f" with step {raw.step} takes {expected}: check the driver's step and the transport"
        )
    return flat


def _data_bytes(raw: RawImage, layout: Layout) -> int:
    if layout.family is Family.YUV420:
        # An odd width still needs a whole chroma pair; tightly packed rows make the chroma row the wider one.
        return raw.step * raw.height + max(raw.step, raw.width + raw.width % 2) * ((raw.height + 1) // 2)
    if layout.family is Family.YUV444:
        return 3 * raw.step * raw.height
    return raw.step * raw.height


def _packed_to_rgb(raw: RawImage, layout: Layout, flat: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width, channels = raw.height, raw.width, layout.channels
    rows = flat.reshape(height, raw.step)[:, : width * channels * layout.sample_bytes]
    if layout.sample_bytes == 2:
        # The high byte of every value: >> 8 and the byte order in one pass.
        rows = _uint8(cv2.extractChannel(rows.reshape(height, width * channels, 2), 0 if raw.is_bigendian else 1))
    if layout.to_rgb is None:
        return rows.reshape(height, width, channels)
    if raw.encoding.startswith("bayer") and min(height, width) < 3:
        raise ImageError(f"{raw.encoding} image of {width}x{height} pixels: a Bayer mosaic needs at least 3x3")
    pixels = rows if channels == 1 else rows.reshape(height, width, channels)
    return _uint8(cv2.cvtColor(pixels, layout.to_rgb))
