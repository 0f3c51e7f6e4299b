"""All textures in one picture, each at the few resolutions that its distance needs, so that one remap paints a frame.

A surface repeats along x (PERIOD_M). Its copies differ in resolution along and across separately, because a
plane seen at a grazing angle shrinks much faster along the view (a rip-map), and in haze.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.street.layout import BACKDROP_X, PERIOD_M

HAZE = np.array((222, 228, 234), np.float32)
HAZE_M = 420.0
"""Distance at which 1/e of an object's own colour is left."""
_BAND = 2**0.5
_PAD = 2
_TEXELS = 0.85
"""A pixel's side in texels of the copy that it looks at, in the middle of that copy's reach."""
_WIDTH = 6400

_UINT8 = npt.NDArray[np.uint8]


def haze_share(distance_m: float) -> float:
    """How much of the haze's colour covers something at a distance."""
    return 1 - math.exp(-distance_m / HAZE_M)


class Level(NamedTuple):
    """One copy of a surface: where it lies in the atlas and how many texels a metre takes."""

    from_x: float
    row: int
    column: int
    per_m_x: float
    per_m_v: float


class Texture(NamedTuple):
    """A surface at its finest: RGB and face ids (0: a hole), rows from the top down, columns over one period.

    v_size: metres across; grazing_m: distance of the plane from the eye, which says how steeply it is seen.
    """

    rgb: _UINT8
    ids: _UINT8
    v_size: float
    grazing_m: float


class Atlas:
    """Collects the copies; `finish` gives the pictures."""

    def __init__(self, focal_px: float) -> None:
        """focal_px: how many pixels a metre has at a metre's distance."""
        self._focal = focal_px
        self._strips: list[tuple[int, int, _UINT8, _UINT8]] = []
        self._shelf_row, self._shelf_end, self._shelf_column = _PAD, _PAD, 0

    def add(self, texture: Texture, from_x: float) -> list[Level]:
        """The copies of a texture that is seen from a distance on, from near to far."""
        levels = []
        start, source = from_x, texture.rgb
        while start < BACKDROP_X:
            end = max(8.0, start * _BAND)
            middle = max(start, 3.0)
            finest_x, finest_v = texture.rgb.shape[1] / PERIOD_M, texture.rgb.shape[0] / texture.v_size
            per_m_x = min(finest_x, max(_TEXELS * self._focal * texture.grazing_m / middle**2, 0.5))
            per_m_v = min(finest_v, _TEXELS * self._focal / middle)
            columns, rows = max(4, round(PERIOD_M * per_m_x)), max(4, round(texture.v_size * per_m_v))
            source = np.asarray(cv2.resize(source, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
            ids = np.asarray(cv2.resize(texture.ids, (columns, rows), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
            width = int((PERIOD_M + min(end, BACKDROP_X)) * columns / PERIOD_M) + 2
            again = np.arange(width) % columns
            row, column = self.put(hazed(source, (start + end) / 2)[:, again], ids[:, again])
            levels.append(Level(start, row, column, columns / PERIOD_M, rows / texture.v_size))
            start = end
        return levels

    def put(self, rgb: _UINT8, ids: _UINT8) -> tuple[int, int]:
        """Place a picture as it is; returns its first row and column."""
        height, width = ids.shape
        if self._shelf_column + width > _WIDTH:
            self._shelf_row, self._shelf_column = self._shelf_end + 2 * _PAD, 0
        row, column = self._shelf_row, self._shelf_column
        self._strips.append((row, column, rgb, ids))
        self._shelf_end = max(self._shelf_end, row + height)
        self._shelf_column += width + 2
        return row, column

    def finish(self) -> tuple[_UINT8, _UINT8]:
        """(rgb, ids), every strip with its edge rows repeated so that neighbours do not bleed into it."""
        size = (self._shelf_end + _PAD, max(column + ids.shape[1] for _, column, _, ids in self._strips) + 2)
        all_rgb, all_ids = np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint8)
        for row, column, *pictures in self._strips:
            for target, picture in zip((all_rgb, all_ids), pictures, strict=True):
                end, across = row + len(picture), slice(column, column + picture.shape[1])
                target[row:end, across] = picture
                target[row - _PAD : row, across] = picture[0]
                target[end : end + _PAD, across] = picture[-1]
        return all_rgb, all_ids


@lru_cache(maxsize=512)
def haze_table(distance_m: int) -> _UINT8:
    """(1, 256, 3) uint8 look-up table from a colour to itself seen through the haze."""
    share = haze_share(distance_m)
    table = np.arange(256, dtype=np.float32)[:, None] * (1 - share) + HAZE * share
    return table.astype(np.uint8)[None]


def hazed(rgb: _UINT8, distance_m: float) -> _UINT8:
    """The picture as seen through the haze."""
    return np.asarray(cv2.LUT(rgb, haze_table(round(distance_m))), np.uint8)
