"""Ground, fronts, distance and sky: tables made once, from which a frame's background is one remap.

The camera never turns and only moves along x, so that every pixel always looks at the same plane at the same place
across it; only the place along the street changes, by the distance driven.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.street import distance, facades, ground
from enet_ros.street.atlas import Atlas, Level, Texture
from enet_ros.street.faces import Face
from enet_ros.street.layout import (
    BACKDROP_TOP,
    BACKDROP_X,
    FACADE_TOP,
    FACADE_Y,
    FAR_TOP,
    FAR_Y,
    PERIOD_M,
    Layout,
    Side,
)
from enet_ros.street.view import View

_F32 = npt.NDArray[np.float32]
_U8 = npt.NDArray[np.uint8]
_SKY_SCALE = 0.5
_BAND_PIXELS = 60000


class _Table(NamedTuple):
    """Where each pixel looks in the atlas, (H, W) each.

    Column x + driven * per_m, row y; face: what it then sees, HOLE if the atlas decides.
    """

    x: _F32
    per_m: _F32
    y: _F32
    face: npt.NDArray[np.uint8]

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> _Table:
        x, per_m, y = (np.zeros(shape, np.float32) for _ in range(3))
        return cls(x, per_m, y, np.zeros(shape, np.uint8))

    def put(
        self,
        where: npt.NDArray[np.bool_],
        levels: list[Level],
        x: npt.NDArray[np.float64],
        down: npt.NDArray[np.float64],
    ) -> None:
        """Point the pixels to the level of their distance; `down` is metres below the texture's top."""
        level = np.searchsorted([each.from_x for each in levels], x[where], "right").clip(1) - 1
        per_m_x, per_m_v = (
            np.array([getattr(each, name) for each in levels])[level] for name in ("per_m_x", "per_m_v")
        )
        self.x[where] = np.array([each.column for each in levels])[level] + x[where] * per_m_x - 0.5
        self.per_m[where] = per_m_x
        self.y[where] = np.array([each.row for each in levels])[level] + down[where] * per_m_v - 0.5


class Background(NamedTuple):
    """image (H, W, 3) uint8 RGB, faces (H, W) uint8, gap (H, W) uint8: not 0 where one looks past the fronts."""

    image: npt.NDArray[np.uint8]
    faces: npt.NDArray[np.uint8]
    gap: _U8


class Scenery:
    """Everything that stands still and is large. Draws for one thread at a time."""

    def __init__(self, layout: Layout, view: View, rng: np.random.Generator) -> None:
        """Paint the textures of a layout and look up every pixel of a view in them (about a second)."""
        self._shape = (view.intrinsics.height, view.intrinsics.width)
        atlas = Atlas(view.focal_px)
        rays = view.rays
        falls = rays[..., 2] < -1e-9
        to_ground = np.where(falls, -view.eye[2] / np.where(falls, rays[..., 2], 1), 1e9)
        ground_x, ground_y = view.eye[0] + to_ground * rays[..., 0], view.eye[1] + to_ground * rays[..., 1]
        near_ground = ground_x < BACKDROP_X
        self._front, self._back, last = (_Table.empty(self._shape) for _ in range(3))
        self._put_last(last, atlas, view, rng)
        self._copy(last, self._back)
        self._put_back(atlas, view, near_ground, ground_x, ground_y, rng)
        self._copy(self._back, self._front)
        front = near_ground & (np.abs(ground_y) <= FACADE_Y)
        levels = atlas.add(ground.ground(layout, rng, view.eye[2]), _nearest(ground_x, front))
        self._front.put(front, levels, ground_x, FACADE_Y - ground_y)
        self._front.face[front] = ground.ground_face(ground_y)[front]
        fronts, backs = self._put_fronts(atlas, view, ~front, layout, rng), self._back.face == Face.HOLE
        self._fronts_end = int(np.flatnonzero(fronts.any(1)).max(initial=-1)) + 1
        self._fronts, self._backs = fronts.view(np.uint8), backs.view(np.uint8)
        # What stands behind the fronts: where the tables of the back and of the end of the street differ.
        self._behind = np.where(backs | (self._back.per_m > 0), np.uint8(255), np.uint8(0))
        # Transposed: neighbours along an image row then lie in few cache lines, whether on the ground or on a front.
        self._rgb, self._ids = (np.ascontiguousarray(np.swapaxes(each, 0, 1)) for each in atlas.finish())
        self._end = cv2.remap(self._rgb, last.y, last.x, cv2.INTER_LINEAR)
        self._end_faces = last.face
        band = (max(_BAND_PIXELS // self._shape[1], 8), self._shape[1])
        self._x, self._y = np.empty(band, np.float32), np.empty(band, np.float32)
        self._faces, self._gap, self._free = (np.zeros(self._shape, np.uint8) for _ in range(3))
        self._image = np.empty((*self._shape, 3), np.uint8)

    @staticmethod
    def _copy(source: _Table, target: _Table) -> None:
        target.x[:], target.per_m[:], target.y[:], target.face[:] = source

    def _put_last(self, last: _Table, atlas: Atlas, view: View, rng: np.random.Generator) -> None:
        """Sky, and the end of the street before it."""
        height, width = self._shape
        horizon = np.abs(view.rays[:, width // 2, 2]).argmin()
        size = (round(height * _SKY_SCALE) + 2, round(width * _SKY_SCALE) + 2)
        row, first = atlas.put(distance.sky(*size, horizon * _SKY_SCALE, rng), np.full(size, Face.SKY, np.uint8))
        v, u = np.indices(self._shape, np.float32)
        last.x[:], last.y[:], last.face[:] = first + u * _SKY_SCALE, row + v * _SKY_SCALE, Face.SKY
        rgb, ids, per_m = distance.backdrop(rng)
        row, first = atlas.put(rgb, ids)
        reach = (BACKDROP_X - view.eye[0]) / view.rays[..., 0]
        up = view.eye[2] + reach * view.rays[..., 2]
        left = distance.BACKDROP_HALF_WIDTH - (view.eye[1] + reach * view.rays[..., 1])
        column = np.clip(left * per_m - 0.5, 0, rgb.shape[1] - 1)
        down = (BACKDROP_TOP - up) * per_m - 0.5
        inside = (up >= 0) & (up <= BACKDROP_TOP)
        face = ids[np.clip(np.rint(down), 0, len(ids) - 1).astype(int), np.rint(column).astype(int)]
        solid = inside & (face > 0)
        last.x[solid], last.y[solid], last.face[solid] = (
            first + column[solid],
            row + down[solid],
            face[solid],
        )

    def _put_back(
        self,
        atlas: Atlas,
        view: View,
        near_ground: npt.NDArray[np.bool_],
        ground_x: npt.NDArray[np.float64],
        ground_y: npt.NDArray[np.float64],
        rng: np.random.Generator,
    ) -> None:
        """What is seen through the gaps: yards, then the plane at FAR_Y."""
        yard = near_ground & (np.abs(ground_y) <= FAR_Y) & (np.abs(ground_y) > FACADE_Y)
        levels = atlas.add(ground.yard(rng, view.eye[2]), _nearest(ground_x, yard))
        self._back.put(yard, levels, ground_x, FAR_Y - np.abs(ground_y))
        self._back.face[yard] = Face.PAVEMENT
        for side in Side:
            x, up = _meet(view, side.value * FAR_Y)
            seen = ~yard & (x > 0) & (x < BACKDROP_X) & (up >= 0) & (up <= FAR_TOP)
            self._back.put(seen, atlas.add(distance.behind_gaps(side, rng), _nearest(x, seen)), x, FAR_TOP - up)
            self._back.face[seen] = Face.HOLE

    def _put_fronts(
        self, atlas: Atlas, view: View, free: npt.NDArray[np.bool_], layout: Layout, rng: np.random.Generator
    ) -> npt.NDArray[np.bool_]:
        fronts: npt.NDArray[np.bool_] = self._back.face == Face.HOLE
        for side in Side:
            texture: Texture = facades.facades(layout, side, rng)
            x, up = _meet(view, side.value * FACADE_Y)
            seen = free & (x > 0) & (x < BACKDROP_X) & (up >= 0) & (up <= FACADE_TOP)
            self._front.put(seen, atlas.add(texture, _nearest(x, seen)), x, FACADE_TOP - up)
            fronts |= seen
        self._front.face[fronts] = Face.HOLE
        return fronts

    def draw(self, driven_m: float) -> Background:
        """The background after a distance driven along x; the next call reuses its arrays."""
        driven = float(driven_m % PERIOD_M)
        for start in range(0, self._shape[0], len(self._x)):
            self._draw_rows(slice(start, min(start + len(self._x), self._shape[0])), driven)
        return Background(self._image, self._faces, self._gap)

    def _draw_rows(self, rows: slice, driven: float) -> None:
        """A band of rows, few enough to stay in the processor's cache from step to step."""
        front, faces, image = self._front, self._faces[rows], self._image[rows]
        x, y = self._x[: len(faces)], front.y[rows]
        cv2.scaleAdd(front.per_m[rows], driven, front.x[rows], dst=x)
        np.copyto(faces, front.face[rows])
        if rows.start >= self._fronts_end:
            cv2.remap(self._rgb, y, x, cv2.INTER_LINEAR, dst=image, borderMode=cv2.BORDER_REPLICATE)
            return
        y = self._y[: len(faces)]
        np.copyto(y, front.y[rows])
        cv2.copyTo(self._find(x, y), self._fronts[rows], faces)
        gap, free = self._gap[rows], self._free[: len(faces)]
        cv2.threshold(faces, Face.HOLE, 255, cv2.THRESH_BINARY_INV, dst=gap)
        np.copyto(free, gap)
        self._look_past(rows, driven, free, (x, y, faces))
        cv2.remap(self._rgb, y, x, cv2.INTER_LINEAR, dst=image, borderMode=cv2.BORDER_REPLICATE)
        cv2.copyTo(self._end_faces[rows], free, faces)
        cv2.copyTo(self._end[rows], free, image)

    def _find(self, x: _F32, y: _F32) -> _U8:
        """Face ids at places of the atlas."""
        return np.asarray(cv2.remap(self._ids, y, x, cv2.INTER_NEAREST), np.uint8)

    def _look_past(self, rows: slice, driven: float, free: _U8, targets: tuple[_F32, _F32, _U8]) -> None:
        """Point pixels of a band's gaps to what stands behind the fronts; those are free no longer."""
        left, above, width, height = cv2.boundingRect(cv2.bitwise_and(free, self._behind[rows]))
        if not width:
            return
        inner = (slice(above, above + height), slice(left, left + width))
        part = (slice(rows.start + above, rows.start + above + height), inner[1])
        back = self._back
        x = np.asarray(cv2.scaleAdd(back.per_m[part], driven, back.x[part]), np.float32)
        y, face = back.y[part], back.face[part].copy()
        cv2.copyTo(self._find(x, y), self._backs[part], face)
        solid = cv2.bitwise_and(free[inner], cv2.threshold(face, Face.HOLE, 255, cv2.THRESH_BINARY)[1])
        cv2.copyTo(x, solid, targets[0][inner])
        cv2.copyTo(y, solid, targets[1][inner])
        cv2.copyTo(face, solid, targets[2][inner])
        cv2.subtract(free[inner], solid, dst=free[inner])


def _nearest(x: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_]) -> float:
    """The smallest distance at which a surface is seen."""
    return float(max(x[seen].min(initial=BACKDROP_X / 2), 0.5))


def _meet(view: View, y: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """x and z where each ray meets the plane at y; x is -1 where it never does."""
    across = view.rays[..., 1]
    towards = across * np.sign(y - view.eye[1]) > 1e-9
    reach = np.where(towards, (y - view.eye[1]) / np.where(towards, across, 1), -1)
    return np.where(towards, view.eye[0] + reach * view.rays[..., 0], -1), view.eye[2] + reach * view.rays[..., 2]
