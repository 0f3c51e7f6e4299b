"""Converts the fields of a sensor_msgs/Image to an RGB array, a view where the layout allows."""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple, Union

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.arrays import U8
from enet_ros.codec.layouts import Family, Layout, layout_of
from enet_ros.errors import ImageError

MAX_PIXELS = 50_000_000
"""Default limit of height * width: more than any camera sends, less than a corrupt header may claim."""

Buffer = Union[bytes, bytearray, memoryview, "array[int]", npt.NDArray[Any]]

# Rows give R, G, B from (Y, U, V, 1): OpenCV's constants for 4:2:2 and 4:2:0.
_LUMA, _RED_V, _GREEN_U, _GREEN_V, _BLUE_U = 1.164383, 1.596027, -0.391762, -0.812968, 2.017232
_RGB_FROM_YUV = np.array(
    [
        [_LUMA, 0, _RED_V, -16 * _LUMA - 128 * _RED_V],
        [_LUMA, _GREEN_U, _GREEN_V, -16 * _LUMA - 128 * (_GREEN_U + _GREEN_V)],
        [_LUMA, _BLUE_U, 0, -16 * _LUMA - 128 * _BLUE_U],
    ],
    np.float32,
)


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


def to_rgb(raw: RawImage, *, max_pixels: int = MAX_PIXELS) -> U8:
    """The image as (height, width, 3) uint8 RGB.

    rgb8 is a view of `raw.data` (it keeps the buffer alive, is read-only where the buffer is, and its rows
    are `step` bytes apart); every other encoding is converted by OpenCV into a new array. 16-bit values lose
    their low byte (>> 8), so a 12-bit camera that does not scale to 16 bits looks dark. YUV is
    ITU-R BT.601, limited range.

    Raises ImageError (UnsupportedEncoding for a name outside the table) with the value and the remedy.
    """
    layout = layout_of(raw.encoding)
    check_size(raw.height, raw.width, max_pixels)
    flat = _bytes(raw, layout)
    if layout.family is Family.PACKED:
        return _packed_to_rgb(raw, layout, flat)
    if layout.to_rgb is None:
        return _planar_444(flat, raw.height, raw.width, raw.step)
    if layout.family is Family.YUV422:
        return _packed_422(flat, raw.height, raw.width, raw.step, layout.to_rgb)
    return _planar_420(flat, raw.height, raw.width, raw.step, layout.to_rgb)


def check_size(height: int, width: int, max_pixels: int) -> None:
    """Raises ImageError for an empty image or one of more than max_pixels."""
    if height <= 0 or width <= 0:
        raise ImageError(f"image of {width}x{height} pixels: the camera driver must send a width and height above 0")
    if height * width > max_pixels:
        raise ImageError(
            f"image of {width}x{height} pixels is over the limit of {max_pixels}:"
            " raise max_pixels if the camera's images are this large"
        )


def _bytes(raw: RawImage, layout: Layout) -> U8:
    """The data as a flat view, once step and length are checked. Raises ImageError."""
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


def _packed_to_rgb(raw: RawImage, layout: Layout, flat: U8) -> U8:
    height, width, channels = raw.height, raw.width, layout.channels
    rows = flat.reshape(height, raw.step)[:, : width * channels * layout.sample_bytes]
    if layout.sample_bytes == 2:
        # Taking the high byte of every value does the >> 8 and handles the byte order in one pass.
        rows = _uint8(cv2.extractChannel(rows.reshape(height, width * channels, 2), 0 if raw.is_bigendian else 1))
    if layout.to_rgb is None:
        return rows.reshape(height, width, channels)
    if raw.encoding.startswith("bayer") and min(height, width) < 3:
        raise ImageError(f"{raw.encoding} image of {width}x{height} pixels: a Bayer mosaic needs at least 3x3")
    pixels = rows if channels == 1 else rows.reshape(height, width, channels)
    return _uint8(cv2.cvtColor(pixels, layout.to_rgb))


def _uint8(image: Any) -> U8:
    """A cast for mypy: OpenCV's stubs say less than its calls return."""
    result: U8 = image
    return result


def _packed_422(flat: U8, height: int, width: int, step: int, code: int) -> U8:
    """UYVY or YUYV rows of `step` bytes. (height, width, 3) uint8 RGB."""
    rows = flat.reshape(height, step)
    even = width + width % 2
    if step < 2 * even:
        rows = _complete_last_pair(rows[:, : 2 * width], luma_first=code == cv2.COLOR_YUV2RGB_YUY2)
    rgb = cv2.cvtColor(rows[:, : 2 * even].reshape(height, even, 2), code)
    return _uint8(rgb[:, :width])


def _complete_last_pair(rows: U8, *, luma_first: bool) -> U8:
    """Completes rows of odd width that end inside a pair: V is that of the pair before (128 if there is none)."""
    height, used = rows.shape
    full = np.empty((height, used + 2), np.uint8)
    full[:, :used] = rows
    luma, v = (-2, -1) if luma_first else (-1, -2)
    full[:, luma] = rows[:, luma]
    full[:, v] = full[:, v - 4] if used > 2 else 128
    return full


def _planar_420(flat: U8, height: int, width: int, step: int, code: int) -> U8:
    """NV12 or NV21: `height` luma rows of `step` bytes, then ceil(height / 2) chroma rows.

    Returns (height, width, 3) uint8 RGB.
    """
    pairs, chroma_rows = (width + 1) // 2, (height + 1) // 2
    luma = flat[: step * height].reshape(height, step)[:, :width]
    chroma = flat[step * height :].reshape(chroma_rows, -1)[:, : 2 * pairs].reshape(chroma_rows, pairs, 2)
    if width % 2 or height % 2:
        luma = _uint8(cv2.copyMakeBorder(luma, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE))
    return _uint8(cv2.cvtColorTwoPlane(luma, chroma, code)[:height, :width])


def _planar_444(flat: U8, height: int, width: int, step: int) -> U8:
    """NV24: `height` luma rows of `step` bytes, then as many chroma rows of 2 * `step`.

    Returns (height, width, 3) uint8 RGB.
    """
    luma = flat[: step * height].reshape(height, step)[:, :width]
    chroma = flat[step * height :].reshape(height, 2 * step)[:, : 2 * width].reshape(height, width, 2)
    yuv = np.empty((height, width, 3), np.uint8)
    cv2.mixChannels([luma, chroma], [yuv], [0, 0, 1, 1, 2, 2])
    return _uint8(cv2.transform(yuv, _RGB_FROM_YUV))
