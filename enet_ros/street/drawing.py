"""What the street is drawn with: noise, haze, and the three kinds of pictures (sheets, sprites, models)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.arrays import F32, F64, U8, Bool
from enet_ros.classes import CAMVID
from enet_ros.street.world import PERIOD_M

Color = tuple[float, float, float]
Shape = tuple[int, ...]
Point = tuple[float, float]
Corner = tuple[float, float, float]

HAZE = np.array((222, 228, 234), np.float32)
_HAZE_M = 420.0
"""Distance at which 1/e of an object's own colour is left."""
_TILE = 512
_FINER = 3


def haze(colors: F64, distance_m: float) -> F64:
    """(N, 3) RGB colours as seen through the haze."""
    own = math.exp(-distance_m / _HAZE_M)
    return np.asarray(colors * own + HAZE * (1 - own), np.float64)


def hazed(picture: U8, distance_m: float) -> U8:
    """An RGB or RGBA picture as seen through the haze; alpha stays."""
    values = np.arange(256.0)[:, None]
    table = np.hstack([haze(values.repeat(3, 1), distance_m), values])[None, :, : picture.shape[2]]
    return np.asarray(cv2.LUT(picture, np.rint(table).astype(np.uint8)), np.uint8)


def smooth(rng: np.random.Generator, shape: Shape, cell: float | tuple[float, float]) -> F32:
    """(rows, columns) float32 of mean 0, deviation about 1, varying over `cell` texels; repeats along x, no seam."""
    cells = (cell, cell) if isinstance(cell, (int, float)) else cell
    rows, columns = (max(2, round(size / step)) for size, step in zip(shape, cells, strict=True))
    small = rng.standard_normal((rows, columns), np.float32)
    small = np.pad((small - small.mean()) / (0.86 * small.std() + 1e-6), ((0, 0), (2, 2)), "wrap")
    per_cell = shape[1] / columns
    big = cv2.resize(small, (round(per_cell * (columns + 4)), shape[0]), interpolation=cv2.INTER_CUBIC)
    start = round(per_cell * 2)
    return np.asarray(big[:, start : start + shape[1]], np.float32)


def grain(rng: np.random.Generator, shape: Shape) -> F32:
    """(rows, columns) float32 white noise of mean 0 and deviation 1, from a tile large enough not to be noticed."""
    tile = rng.standard_normal((min(shape[0], _TILE), min(shape[1], _TILE)), np.float32)
    return np.tile(tile, (-(-shape[0] // len(tile)), -(-shape[1] // len(tile[0]))))[: shape[0], : shape[1]]


def tinted(shade: npt.ArrayLike, tint: Color) -> U8:
    """(rows, columns, 3) uint8 RGB: the tint times a field around 1."""
    return np.clip(np.asarray(shade, np.float32)[..., None] * np.array(tint, np.float32), 0, 255).astype(np.uint8)


def darker(color: Color, factor: float) -> Color:
    """The colour times a factor."""
    red, green, blue = (min(255.0, c * factor) for c in color)
    return red, green, blue


class Sheet:
    """A texture being painted: RGB and surface ids of one period of a plane.

    x along the street, v across it (up, or to the left), metres; rows from v_top down.
    """

    def __init__(self, v_top: float, v_size: float, per_m: float) -> None:
        """v_size: metres across; per_m: texels a metre."""
        self.v_top, self.v_size, self.per_m = v_top, v_size, per_m
        self.shape = (round(v_size * per_m), round(PERIOD_M * per_m))
        self.rgb = np.full((*self.shape, 3), HAZE * 0.98, np.uint8)
        self.ids = np.zeros(self.shape, np.uint8)

    def block(self, x0: float, x1: float, v0: float, v1: float) -> tuple[slice, slice]:
        """Rows and columns between two places along and two across, in any order, cut at the sheet's edges."""
        columns, rows = sorted((x0, x1)), sorted((self.v_top - v0, self.v_top - v1))
        (left, right), (top, bottom) = (
            [min(max(round(m * self.per_m), 0), size) for m in ends]
            for ends, size in ((columns, self.shape[1]), (rows, self.shape[0]))
        )
        return slice(top, bottom), slice(left, right)

    def rect(self, x0: float, x1: float, v0: float, v1: float, color: Color, cover: F32 | None = None) -> None:
        """Paint a rectangle; `cover` (0..1, of the whole sheet) is how much of the paint is left."""
        block = self.block(x0, x1, v0, v1)
        share = 1.0 if cover is None else cover[block][..., None]
        self.rgb[block] = self.rgb[block] * (1 - share) + np.array(color, np.float32) * share

    def shade(self, x0: float, x1: float, v0: float, v1: float, factor: float) -> None:
        """Darken or brighten a rectangle."""
        block = self.block(x0, x1, v0, v1)
        self.rgb[block] = np.clip(self.rgb[block] * np.float32(factor), 0, 255)


@dataclass(frozen=True, eq=False)
class Sprite:
    """A flat picture that stands upright across the street, its foot base_m above the ground.

    copies: (rows, columns, 4) uint8 RGBA, each half the size of the one before.
    """

    label: int
    width_m: float
    height_m: float
    base_m: float
    copies: tuple[U8, ...]


class Sketch:
    """A sprite being drawn; points are (metres to the right of the middle, metres above the bottom)."""

    def __init__(self, width_m: float, height_m: float, per_m: float, base_m: float = 0.0) -> None:
        """per_m: texels a metre of the finest copy; drawn three times finer and averaged."""
        self.width_m, self.height_m, self.base_m = width_m, height_m, base_m
        self.scale = per_m * _FINER
        self.shape = (round(height_m * per_m) * _FINER, round(width_m * per_m) * _FINER)
        self.rgba = np.zeros((*self.shape, 4), np.uint8)

    def polygon(self, points: Sequence[Point], color: Color) -> None:
        """A filled polygon."""
        texels = [((x + self.width_m / 2) * self.scale * 8, (self.height_m - z) * self.scale * 8) for x, z in points]
        cv2.fillPoly(self.rgba, [np.rint(texels).astype(np.int32)], (*color, 255), cv2.LINE_8, 3)

    def rect(self, x0: float, x1: float, z0: float, z1: float, color: Color) -> None:
        """A filled rectangle."""
        self.polygon([(x0, z0), (x1, z0), (x1, z1), (x0, z1)], color)

    def disc(self, x: float, z: float, radius: float, color: Color, flat: float = 1.0) -> None:
        """A filled ellipse, `flat` times as high as wide."""
        angles = np.linspace(0, 2 * np.pi, 28)
        self.polygon([(x + radius * math.cos(a), z + radius * flat * math.sin(a)) for a in angles], color)

    def limb(self, start: Point, end: Point, thick: float, thin: float, color: Color) -> None:
        """A line that grows thinner, round at either end."""
        along = np.subtract(end, start)
        side = np.array((-along[1], along[0])) / (np.hypot(*along) + 1e-9) / 2
        corners = (start + side * thick, end + side * thin, end - side * thin, start - side * thick)
        self.polygon([(float(x), float(z)) for x, z in corners], color)
        self.disc(*start, thick / 2, color)
        self.disc(*end, thin / 2, color)

    def finish(self, label: str) -> Sprite:
        """The sprite, with copies of half the size each down to a few texels."""
        size = (self.shape[1] // _FINER, self.shape[0] // _FINER)
        mean = self.rgba[self.rgba[..., 3] > 0, :3].mean(0)
        copies = []
        while min(size) >= 2:
            drawn = cv2.resize(self.rgba, size, interpolation=cv2.INTER_AREA).astype(np.float32)
            alpha = drawn[..., 3:]
            rgb = np.where(alpha > 12, drawn[..., :3] * 255 / np.maximum(alpha, 12), mean)
            strength = 1.25 if size[1] < 48 else 1.0  # thin parts would vanish at a distance
            copies.append(np.dstack([rgb, alpha * strength]).clip(0, 255).astype(np.uint8))
            size = (size[0] // 2, size[1] // 2)
        return Sprite(CAMVID.index(label), self.width_m, self.height_m, self.base_m, tuple(copies))


@dataclass(frozen=True, eq=False)
class Model:
    """A thing of flat faces with details painted on them, in a frame of its own: x forward, y left, z up, metres.

    points (N, 3) of all polygons in the order of painting; starts: first point of each; normals (P, 3) and offsets
    (P,): normal . point = offset on its face, more in front of it; colors (P, 3) RGB; is_face (P,): not a detail.
    """

    label: int
    height_m: float
    points: F64
    starts: npt.NDArray[np.intp]
    normals: F64
    offsets: F64
    colors: F64
    is_face: Bool


class Modeller:
    """A model being built."""

    def __init__(self) -> None:
        self._polygons: list[tuple[F64, F64, float, Color, bool]] = []

    def face(self, corners: Sequence[Corner], color: Color, is_face: bool = True) -> None:
        """A flat face of four corners, counter-clockwise from outside; is_face False: a shadow, of the ground."""
        self._corners = np.array(corners, np.float64)
        self._normal = np.cross(self._corners[1] - self._corners[0], self._corners[2] - self._corners[0])
        self._add(self._corners, color, is_face)

    def rect(self, across0: float, across1: float, up0: float, up1: float, color: Color) -> None:
        """A detail on the last face, from shares of the way from its first corner to the second and to the last."""
        self.detail([(across0, up0), (across1, up0), (across1, up1), (across0, up1)], color)

    def detail(self, shares: Sequence[Point], color: Color) -> None:
        """A convex polygon on the last face, its corners in shares of the way across and up."""
        across, up = np.array(shares).T[..., None]
        low_a, low_b, high_b, high_a = self._corners
        low, high = low_a + across * (low_b - low_a), high_a + across * (high_b - high_a)
        self._add(low + up * (high - low), color, False)

    def _add(self, corners: F64, color: Color, is_face: bool) -> None:
        offset = float(self._normal @ self._corners[0])
        self._polygons.append((corners, self._normal, offset, darker(color, 1.0), is_face))

    def finish(self, label: str) -> Model:
        """The model, of a CamVid class."""
        corners, normals, offsets, colors, is_face = zip(*self._polygons, strict=True)
        points = np.concatenate(corners)
        starts = np.cumsum([0, *(len(each) for each in corners[:-1])])
        plane = np.array(normals), np.array(offsets)
        return Model(
            CAMVID.index(label), float(points[:, 2].max()), points, starts, *plane, np.array(colors), np.array(is_face)
        )
