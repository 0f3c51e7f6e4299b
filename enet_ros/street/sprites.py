"""Flat pictures that stand upright across the street: drawn in metres, kept at several sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

_UINT8 = npt.NDArray[np.uint8]
_FLOAT = npt.NDArray[Any]
Color = tuple[int, int, int]
Point = tuple[float, float]

_FINER = 3


def darker(color: Color, factor: float) -> Color:
    """The colour times a factor."""
    red, green, blue = (round(min(255, c * factor)) for c in color)
    return red, green, blue


@dataclass(frozen=True, eq=False)
class Sprite:
    """copies: (texels a metre, (rows, columns, 4) uint8 RGBA) from fine to coarse; its foot is base_m above ground."""

    width_m: float
    height_m: float
    copies: tuple[tuple[float, _UINT8], ...]
    base_m: float = 0.0


def _opaque(drawn: _FLOAT, cover: _FLOAT, mean: _FLOAT, size: tuple[int, int]) -> _UINT8:
    """RGBA of a size from colours times cover, the mean colour where nothing is."""
    rgb = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(cover, size, interpolation=cv2.INTER_AREA)
    rgb = np.where(alpha[..., None] > 12, rgb * 255 / np.maximum(alpha, 12)[..., None], mean)
    strength = 1.25 if size[1] < 48 else 1.0  # thin parts would vanish at a distance
    return np.dstack([rgb, alpha * strength]).clip(0, 255).astype(np.uint8)


class Sketch:
    """A sprite being drawn; points are (metres to the right of the middle, metres above the bottom)."""

    def __init__(self, width_m: float, height_m: float, per_m: float, base_m: float = 0.0) -> None:
        """per_m: texels a metre of the finest copy; drawn three times finer and averaged."""
        self.width_m, self.height_m, self.per_m, self.base_m = width_m, height_m, per_m, base_m
        self._scale = per_m * _FINER
        self.shape = (round(height_m * per_m) * _FINER, round(width_m * per_m) * _FINER)
        self.rgb = np.zeros((*self.shape, 3), np.uint8)
        self.cover = np.zeros(self.shape, np.uint8)

    def _texels(self, points: list[Point]) -> npt.NDArray[np.int32]:
        return np.array(
            [[(x + self.width_m / 2) * self._scale * 8, (self.height_m - z) * self._scale * 8] for x, z in points]
        ).round().astype(np.int32)  # fmt: skip

    def polygon(self, points: list[Point], color: Color) -> None:
        """A filled polygon."""
        for target, value in ((self.rgb, color), (self.cover, (255, 255, 255))):
            cv2.fillPoly(target, [self._texels(points)], value, cv2.LINE_8, 3)

    def rect(self, x0: float, x1: float, z0: float, z1: float, color: Color) -> None:
        """A filled rectangle."""
        self.polygon([(x0, z0), (x1, z0), (x1, z1), (x0, z1)], color)

    def disc(self, x: float, z: float, radius: float, color: Color, flat: float = 1.0) -> None:
        """A filled ellipse, `flat` times as high as wide."""
        angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        self.polygon([(x + radius * float(np.cos(a)), z + radius * flat * float(np.sin(a))) for a in angles], color)

    def limb(self, start: Point, end: Point, thick: float, color: Color) -> None:
        """A thick line."""
        along = np.array(end) - start
        side = np.array((-along[1], along[0])) / (np.hypot(*along) + 1e-9) * thick / 2
        corners = [np.array(start) + side, np.array(end) + side, np.array(end) - side, np.array(start) - side]
        self.polygon([(float(x), float(z)) for x, z in corners], color)

    def stroke_texture(self, factor: npt.NDArray[np.float32]) -> None:
        """Multiply the colours by a field of the sketch's size."""
        self.rgb[:] = np.clip(self.rgb * cv2.resize(factor, self.shape[::-1])[..., None], 0, 255)

    def finish(self) -> Sprite:
        """The sprite, with copies of half the size each down to a few texels."""
        size = (self.shape[1] // _FINER, self.shape[0] // _FINER)
        drawn = cv2.bitwise_and(self.rgb, self.rgb, mask=self.cover)  # black where nothing was drawn
        drawn = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        cover = cv2.resize(self.cover, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        mean = drawn.sum((0, 1)) / max(float(cover.sum()) / 255, 1)
        copies = []
        while min(size) >= 2:
            copies.append((size[1] / self.height_m, _opaque(drawn, cover, mean, size)))
            size = (size[0] // 2, size[1] // 2)
        return Sprite(self.width_m, self.height_m, tuple(copies), self.base_m)
