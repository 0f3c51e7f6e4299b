"""Ground, fronts and the end of the street: tables made once, from which a frame's background is one remap.

The camera never turns and only moves along x, so that every pixel always looks at the same plane at the same place
across it; only the place along the street changes, by the distance driven.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from enet_ros.arrays import F64, U8, Bool
from enet_ros.street.drawing import Sheet, hazed
from enet_ros.street.painter import Canvas, Faces, View
from enet_ros.street.surfaces import front, ground, sky
from enet_ros.street.things import end_of_street
from enet_ros.street.world import END_X, FRONT_TOP, FRONT_Y, KERB_Y, LANE_Y, PERIOD_M, Layout, Side, Surface

_BAND = 2**0.5
_PAD = 2
_TEXELS = 0.85
"""A pixel's side in texels of the copy that it looks at, in the middle of that copy's reach."""
_WIDTH = 6400


class _Level(NamedTuple):
    """A copy of a sheet that is seen from a distance on: its place in the atlas, and how many texels a metre takes."""

    from_x: float
    row: int
    column: int
    per_m_x: float
    per_m_v: float


class _Atlas:
    """All sheets in one picture, each at the few resolutions that its distance needs, so that one remap paints a frame.

    A sheet's copies differ in resolution along and across separately, because a plane seen at a grazing angle shrinks
    much faster along the view (a rip-map), and in haze.
    """

    def __init__(self, focal_px: float) -> None:
        self._focal = focal_px
        self._strips: list[tuple[int, int, U8, U8]] = []
        self._row, self._below, self._column = _PAD, _PAD, 0

    def add(self, sheet: Sheet, grazing_m: float, from_x: float) -> list[_Level]:
        """The copies of a sheet whose plane passes the eye at a distance, seen from `from_x` on, from near to far."""
        levels, start, rgb = [], from_x, sheet.rgb
        while start < END_X:
            end, middle = max(8.0, start * _BAND), max(start, 3.0)
            per_m_x = min(sheet.per_m, max(_TEXELS * self._focal * grazing_m / middle**2, 0.5))
            per_m_v = min(sheet.per_m, _TEXELS * self._focal / middle)
            columns, rows = max(4, round(PERIOD_M * per_m_x)), max(4, round(sheet.v_size * per_m_v))
            rgb = np.asarray(cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
            ids = np.asarray(cv2.resize(sheet.ids, (columns, rows), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
            again = np.arange(int((PERIOD_M + min(end, END_X)) * columns / PERIOD_M) + 2) % columns
            row, column = self._put(hazed(rgb, (start + end) / 2)[:, again], ids[:, again])
            levels.append(_Level(start, row, column, columns / PERIOD_M, rows / sheet.v_size))
            start = end
        return levels

    def _put(self, rgb: U8, ids: U8) -> tuple[int, int]:
        """The first row and column of a picture's place: beside the last one, or below where there is no room."""
        height, width = ids.shape
        if self._column + width > _WIDTH:
            self._row, self._column = self._below + 2 * _PAD, 0
        row, column = self._row, self._column
        self._strips.append((row, column, rgb, ids))
        self._below, self._column = max(self._below, row + height), column + width + 2
        return row, column

    def finish(self) -> tuple[U8, U8]:
        """(rgb, ids), every strip with its edge rows repeated so that neighbours do not bleed into it."""
        size = (self._below + _PAD, max(column + ids.shape[1] for _, column, _, ids in self._strips) + 2)
        targets = np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint8)
        for row, column, *pictures in self._strips:
            for target, picture in zip(targets, pictures, strict=True):
                across = slice(column, column + picture.shape[1])
                pad = [(_PAD, _PAD), *[(0, 0)] * (picture.ndim - 1)]
                target[row - _PAD : row + len(picture) + _PAD, across] = np.pad(picture, pad, "edge")
        return targets


class Background:
    """All that is large: the static end of the street, and the tables of what moves past."""

    def __init__(self, layout: Layout, view: View, rng: np.random.Generator) -> None:
        """Paint the textures of a layout and look up every pixel of a view in them (about a second)."""
        self._shape = view.rays.shape[:2]
        self.faces = Faces()
        self._end = self._paint_end(view, rng)
        self._x, self._per_m, self._y = (np.zeros(self._shape, np.float32) for _ in range(3))
        self._ids = np.zeros(self._shape, np.uint8)
        atlas = _Atlas(view.focal_px)
        x, y, _ = view.meet(2, 0.0)
        on = (x > 0) & (x < END_X) & (np.abs(y) <= FRONT_Y)
        self._put(on, atlas.add(ground(layout, rng), view.eye[2], _nearest(x, on)), x, FRONT_Y - y)
        self._ids[on] = np.where(np.abs(y) < KERB_Y, Surface.ROAD, Surface.PAVEMENT)[on]
        fronts = np.zeros(self._shape, bool)
        for side in Side:
            x, _, z = view.meet(1, side.value * FRONT_Y)
            on = (x > 0) & (x < END_X) & (z >= 0) & (z <= FRONT_TOP) & (self._ids == 0)
            self._put(on, atlas.add(front(layout, side, rng), FRONT_Y, _nearest(x, on)), x, FRONT_TOP - z)
            fronts |= on
        self._fronts = fronts[: 1 + int(np.flatnonzero(fronts.any(1)).max(initial=0))].view(np.uint8)
        # Transposed: neighbours along an image row then lie in few cache lines, whether on the ground or on a front.
        self._rgb, self._texel_ids = (np.ascontiguousarray(np.swapaxes(each, 0, 1)) for each in atlas.finish())

    def _paint_end(self, view: View, rng: np.random.Generator) -> Canvas:
        """Sky, ground without end, and the houses and trees that close the view."""
        width, height = view.size
        horizon = float(np.abs(view.rays[:, width // 2, 2]).argmin())
        below = view.rays[..., 2] < 0
        ids = np.where(below, Surface.PAVEMENT, Surface.SKY).astype(np.uint16)
        image = sky(height, width, horizon, rng)
        image[below] = (176, 180, 176)
        canvas = Canvas(view, image, ids, self.faces)
        for sprite in end_of_street(rng):
            canvas.paint(sprite, END_X, LANE_Y)
        return canvas

    def _put(self, on: Bool, levels: list[_Level], x: F64, down: F64) -> None:
        """Point pixels to the level of their distance; `down` is metres below the sheet's top."""
        level = np.searchsorted([each.from_x for each in levels], x[on], "right").clip(1) - 1
        row, column, per_m_x, per_m_v = np.array([each[1:] for each in levels])[level].T
        self._x[on] = column + x[on] * per_m_x - 0.5
        self._per_m[on] = per_m_x
        self._y[on] = row + down[on] * per_m_v - 0.5

    def draw(self, driven_m: float, view: View) -> Canvas:
        """The background after a distance driven along x."""
        x = cv2.scaleAdd(self._per_m, driven_m % PERIOD_M, self._x)
        image = cv2.remap(self._rgb, self._y, x, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        known, rows = self._ids.copy(), len(self._fronts)
        cv2.copyTo(cv2.remap(self._texel_ids, self._y[:rows], x[:rows], cv2.INTER_NEAREST), self._fronts, known[:rows])
        hole, ids = (known == Surface.SKY).view(np.uint8), known.astype(np.uint16)
        cv2.copyTo(self._end.image, hole, image)
        cv2.copyTo(self._end.ids, hole, ids)
        return Canvas(view, np.asarray(image, np.uint8), ids, Faces(self.faces))


def _nearest(x: F64, on: Bool) -> float:
    """The smallest distance at which a plane is seen."""
    return float(max(x[on].min(initial=END_X / 2), 0.5))
