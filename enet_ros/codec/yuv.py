"""YUV layouts of camera drivers to RGB: ITU-R BT.601, limited range, as OpenCV converts it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

_UINT8 = npt.NDArray[np.uint8]

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


def as_uint8(image: Any) -> _UINT8:
    """OpenCV's stubs promise less than its calls return."""
    result: _UINT8 = image
    return result


def packed_422_to_rgb(flat: _UINT8, height: int, width: int, step: int, code: int) -> _UINT8:
    """UYVY or YUYV rows of `step` bytes. (height, width, 3) uint8 RGB."""
    rows = flat.reshape(height, step)
    even = width + width % 2
    if step < 2 * even:
        rows = _complete_last_pair(rows[:, : 2 * width], luma_first=code == cv2.COLOR_YUV2RGB_YUY2)
    rgb = cv2.cvtColor(rows[:, : 2 * even].reshape(height, even, 2), code)
    return as_uint8(rgb[:, :width])


def _complete_last_pair(rows: _UINT8, *, luma_first: bool) -> _UINT8:
    """Rows of odd width that end within a pair: its V is the pair's before (128 if none)."""
    height, used = rows.shape
    full = np.empty((height, used + 2), np.uint8)
    full[:, :used] = rows
    luma, v = (-2, -1) if luma_first else (-1, -2)
    full[:, luma] = rows[:, luma]
    full[:, v] = full[:, v - 4] if used > 2 else 128
    return full


def planar_420_to_rgb(flat: _UINT8, height: int, width: int, step: int, code: int) -> _UINT8:
    """NV12 or NV21: `height` luma rows of `step` bytes, then ceil(height / 2) chroma rows.

    Returns (height, width, 3) uint8 RGB.
    """
    pairs, chroma_rows = (width + 1) // 2, (height + 1) // 2
    luma = flat[: step * height].reshape(height, step)[:, :width]
    chroma = flat[step * height :].reshape(chroma_rows, -1)[:, : 2 * pairs].reshape(chroma_rows, pairs, 2)
    if width % 2 or height % 2:
        luma = as_uint8(cv2.copyMakeBorder(luma, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE))
    return as_uint8(cv2.cvtColorTwoPlane(luma, chroma, code)[:height, :width])


def planar_444_to_rgb(flat: _UINT8, height: int, width: int, step: int) -> _UINT8:
    """NV24: `height` luma rows of `step` bytes, then as many chroma rows of 2 * `step`.

    Returns (height, width, 3) uint8 RGB.
    """
    luma = flat[: step * height].reshape(height, step)[:, :width]
    chroma = flat[step * height :].reshape(height, 2 * step)[:, : 2 * width].reshape(height, width, 2)
    yuv = np.empty((height, width, 3), np.uint8)
    cv2.mixChannels([luma, chroma], [yuv], [0, 0, 1, 1, 2, 2])
    return as_uint8(cv2.transform(yuv, _RGB_FROM_YUV))
