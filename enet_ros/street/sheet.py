"""A texture being painted in metres."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.street.atlas import Texture
from enet_ros.street.layout import PERIOD_M

Color = tuple[float, float, float]


class Sheet:
    """RGB and face ids of one period of a plane; x along the street, v across it (up, or to the left), metres."""

    def __init__(self, v_top: float, v_size: float, per_m: float) -> None:
        """v_top: v of the first row; per_m: texels a metre."""
        self.v_top, self.v_size, self.per_m = v_top, v_size, per_m
        self.shape = (round(v_size * per_m), round(PERIOD_M * per_m))
        self.rgb = np.zeros((*self.shape, 3), np.uint8)
        self.ids = np.zeros(self.shape, np.uint8)

    def column(self, x: float) -> int:
        """Texel column of a place along the street (may lie outside one period)."""
        return round(x * self.per_m)

    def row(self, v: float) -> int:
        """Texel row of a height or a place across."""
        return min(max(round((self.v_top - v) * self.per_m), 0), self.shape[0])

    def block(self, x0: float, x1: float, v0: float, v1: float) -> tuple[slice, slice]:
        """Rows and columns of x0..x1, v0..v1 (v0 < v1), cut at the period's ends."""
        columns = slice(max(self.column(x0), 0), max(min(self.column(x1), self.shape[1]), 0))
        return slice(self.row(v1), self.row(v0)), columns

    def rect(self, x0: float, x1: float, v0: float, v1: float, color: Color) -> None:
        """Paint a rectangle."""
        self.rgb[self.block(x0, x1, v0, v1)] = np.clip(color, 0, 255)

    def shade(self, x0: float, x1: float, v0: float, v1: float, factor: float) -> None:
        """Darken or brighten a rectangle."""
        block = self.block(x0, x1, v0, v1)
        self.rgb[block] = np.clip(self.rgb[block] * np.float32(factor), 0, 255)

    def wear(self, x0: float, x1: float, v0: float, v1: float, color: Color, cover: npt.NDArray[np.float32]) -> None:
        """Paint a rectangle as far as `cover` (0..1, of the whole sheet) lets it; wraps round the period's end."""
        for shift in (-PERIOD_M, 0.0, PERIOD_M):
            block = self.block(x0 + shift, x1 + shift, v0, v1)
            part = cover[block][..., None]
            self.rgb[block] = self.rgb[block] * (1 - part) + np.array(color, np.float32) * part

    def polygon(self, points: list[tuple[float, float]], color: Color) -> None:
        """Paint a polygon of (x, v) corners."""
        corners = np.array([[x * self.per_m, (self.v_top - v) * self.per_m] for x, v in points])
        cv2.fillPoly(self.rgb, [np.rint(corners * 8).astype(np.int32)], color, cv2.LINE_AA, 3)

    def texture(self, grazing_m: float) -> Texture:
        """The finished sheet, for a plane at a distance from the eye."""
        return Texture(self.rgb, self.ids, self.v_size, grazing_m)
