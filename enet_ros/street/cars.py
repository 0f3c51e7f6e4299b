"""Cars as a few flat faces with painted details."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Point = tuple[float, float, float]
Color = tuple[float, float, float]

PAINTS: tuple[Color, ...] = (
    (196, 198, 202), (44, 48, 56), (24, 24, 28), (150, 26, 30), (34, 56, 104), (226, 226, 224), (96, 100, 104),
    (38, 66, 54), (178, 170, 152), (60, 92, 140), (120, 34, 48), (210, 206, 196),
)  # fmt: skip
_GLASS, _TYRE, _RIM, _DARK = (46, 56, 66), (26, 26, 28), (150, 152, 156), (34, 34, 36)


class Mesh(NamedTuple):
    """Polygons of a model in its own frame: x forward, y left, z up from the ground, metres.

    points (N, 3) of all polygons; starts: first point of each; colors: RGB of each. is_face: (F,) a flat
    face of its own, not a detail painted on one. normals (F, 3) and offsets (F,): normal . point = offset on a
    polygon's face, more in front of it. on_ground: (N,) which points are at z = 0.
    """

    points: Array
    starts: npt.NDArray[np.intp]
    colors: Array
    is_face: npt.NDArray[np.bool_]
    normals: Array
    offsets: Array
    on_ground: npt.NDArray[np.bool_]
    height_m: float
    label: str

    def part(self, kept: npt.NDArray[np.bool_]) -> Mesh:
        """The model with some of its polygons alone."""
        ends = np.append(self.starts[1:], len(self.points))
        sizes = (ends - self.starts)[kept]
        points = np.repeat(kept, ends - self.starts)
        return self._replace(
            points=self.points[points],
            starts=np.cumsum(sizes) - sizes,
            colors=self.colors[kept],
            is_face=self.is_face[kept],
            normals=self.normals[kept],
            offsets=self.offsets[kept],
            on_ground=self.on_ground[points],
        )


class Modeller:
    """Collects polygons; a detail belongs to the face added last."""

    def __init__(self) -> None:
        """Empty model."""
        self._polygons: list[list[Point]] = []
        self._colors: list[Color] = []
        self._parents: list[int] = []

    def face(self, points: list[Point], color: Color, shade: float = 1.0) -> None:
        """A flat face, corners counter-clockwise as seen from outside."""
        self._parents.append(len(self._polygons))
        self._add(points, color, shade)

    def detail(self, points: list[Point], color: Color, shade: float = 1.0) -> None:
        """Something painted on the face added last."""
        self._parents.append(self._parents[-1])
        self._add(points, color, shade)

    def _add(self, points: list[Point], color: Color, shade: float) -> None:
        self._polygons.append(points)
        self._colors.append((color[0] * shade, color[1] * shade, color[2] * shade))

    def finish(self, label: str) -> Mesh:
        """The model, of one class."""
        corners = [np.array(points, np.float64) for points in self._polygons]
        normals = [np.cross(c[1] - c[0], c[2] - c[0]) for c in corners]
        starts = np.cumsum([0, *(len(c) for c in corners[:-1])])
        points = np.concatenate(corners)
        return Mesh(
            points,
            starts,
            np.clip(np.array(self._colors, np.float64), 0, 255),
            np.array([parent == number for number, parent in enumerate(self._parents)]),
            np.array([normals[parent] for parent in self._parents]),
            np.array([float(normals[parent] @ corners[parent][0]) for parent in self._parents]),
            points[:, 2] == 0,
            float(points[:, 2].max()),
            label,
        )


@lru_cache(maxsize=128)
def car(variant: int) -> Mesh:
    """A hatchback, saloon, estate or van, by variant % 4, in a paint by variant // 4."""
    paint = PAINTS[variant // 4 % len(PAINTS)]
    length, width, height, belt = (
        (3.9, 1.7, 1.47, 0.9),
        (4.4, 1.76, 1.43, 0.88),
        (4.5, 1.78, 1.5, 0.92),
        (4.8, 1.9, 1.95, 1.1),
    )[variant % 4]
    # The cabin along x: foot and top of the rear screen, top and foot of the windscreen.
    rear, rear_top, front_top, front = (
        (-1.93, -1.6, 0.35, 1.05), (-1.6, -0.95, 0.35, 1.15), (-2.2, -1.9, 0.35, 1.15), (-2.38, -2.3, 1.0, 1.6),
    )[variant % 4]  # fmt: skip
    model = Modeller()
    x, y = length / 2, width / 2
    _ends(model, x, y, belt, paint)
    for sign in (1, -1):
        _flank(model, sign, x, y, belt, paint)
    model.face([(-x, -y, belt), (x, -y, belt), (x, y, belt), (-x, y, belt)], paint, 1.12)
    top = y - 0.16
    _screen(model, [(rear, y, belt), (rear, -y, belt), (rear_top, -top, height), (rear_top, top, height)], paint, 0.8)
    _screen(
        model, [(front, -y, belt), (front, y, belt), (front_top, top, height), (front_top, -top, height)], paint, 1.0
    )
    for sign in (1, -1):
        corners = [(rear, belt), (front, belt), (front_top, height), (rear_top, height)]
        edge = [(px, sign * (y if pz == belt else top), pz) for px, pz in corners]
        model.face(edge if sign < 0 else edge[::-1], paint, 0.92)
        _side_windows(model, sign, (rear, rear_top, front_top, front), (y, top), (belt, height))
    model.face(
        [(rear_top, -top, height), (front_top, -top, height), (front_top, top, height), (rear_top, top, height)],
        paint,
        1.2,
    )
    return model.finish("car")


def _across(x: float, y0: float, y1: float, z0: float, z1: float, forward: bool) -> list[Point]:
    points = [(x, y0, z0), (x, y1, z0), (x, y1, z1), (x, y0, z1)]
    return points if forward else points[::-1]


def _ends(model: Modeller, x: float, y: float, belt: float, paint: Color) -> None:
    model.face(_across(-x, -y, y, 0, belt, False), paint, 0.82)
    model.detail(_across(-x, -y, y, 0, 0.24, False), (20, 20, 21))
    model.detail(_across(-x, -y, y, 0.3, 0.52, False), paint, 0.62)
    model.detail(_across(-x, -0.27, 0.27, 0.56, 0.69, False), (214, 178, 70))
    for sign in (1, -1):
        outer, inner = sorted((sign * (y - 0.02), sign * (y - 0.3)))
        model.detail(_across(-x, outer, inner, 0.6, belt - 0.03, False), (172, 20, 22))
        wheel = sorted((sign * (y - 0.05), sign * (y - 0.27)))
        model.detail(_across(-x, wheel[0], wheel[1], 0, 0.24, False), _TYRE)
    model.face(_across(x, -y, y, 0, belt, True), paint, 0.95)
    model.detail(_across(x, -y, y, 0, 0.22, True), (20, 20, 21))
    model.detail(_across(x, -0.55, 0.55, 0.26, 0.44, True), _DARK)
    model.detail(_across(x, -0.4, 0.4, 0.6, 0.74, True), _DARK)
    model.detail(_across(x, -0.26, 0.26, 0.44, 0.56, True), (232, 232, 228))
    for sign in (1, -1):
        outer, inner = sorted((sign * (y - 0.03), sign * (y - 0.38)))
        model.detail(_across(x, outer, inner, 0.58, 0.76, True), (226, 230, 232))
        wheel = sorted((sign * (y - 0.05), sign * (y - 0.27)))
        model.detail(_across(x, wheel[0], wheel[1], 0, 0.22, True), _TYRE)


def _flank(model: Modeller, sign: int, x: float, y: float, belt: float, paint: Color) -> None:
    at = sign * y

    def plate(points: list[tuple[float, float]]) -> list[Point]:
        return [(px, at, pz) for px, pz in (points if sign < 0 else points[::-1])]

    model.face(plate([(-x, 0), (x, 0), (x, belt), (-x, belt)]), paint, 0.9)
    model.detail(plate([(-x, 0), (x, 0), (x, 0.23), (-x, 0.23)]), (21, 21, 22))
    model.detail(plate([(-x, 0.52), (x, 0.52), (x, 0.56), (-x, 0.56)]), paint, 0.66)
    for door in (-0.95, 0.05, 1.0):
        model.detail(plate([(door, 0.26), (door + 0.03, 0.26), (door + 0.03, belt), (door, belt)]), paint, 0.55)
    turn = [2 * np.pi * step / 12 for step in range(12)]
    for hub in (-x + 0.78, x - 0.82):
        for radius, color in ((0.36, (24, 24, 25)), (0.3, _TYRE), (0.19, _RIM)):
            high = 0.31
            ring = [(hub + radius * np.cos(a), max(high + radius * np.sin(a), 0.0)) for a in turn]
            model.detail(plate([(float(px), float(pz)) for px, pz in ring]), color)


def _screen(model: Modeller, corners: list[Point], paint: Color, shade: float) -> None:
    """A sloping screen: frame, glass, and the sky in its upper part."""
    model.face(corners, paint, shade)
    low_a, low_b, high_b, high_a = (np.array(corner) for corner in corners)

    def at(across: float, up: float) -> Point:
        x, y, z = (low_a * (1 - across) + low_b * across) * (1 - up) + (high_a * (1 - across) + high_b * across) * up
        return float(x), float(y), float(z)

    model.detail([at(0.06, 0.06), at(0.94, 0.06), at(0.94, 0.9), at(0.06, 0.9)], _GLASS)
    model.detail([at(0.06, 0.55), at(0.94, 0.7), at(0.94, 0.9), at(0.06, 0.9)], (104, 120, 134))


def _side_windows(
    model: Modeller, sign: int, cabin: tuple[float, float, float, float], y: tuple[float, float], z: tuple[float, float]
) -> None:
    rear, rear_top, front_top, front = cabin

    def at(share: float, up: float) -> Point:
        low, high = rear + share * (front - rear), rear_top + share * (front_top - rear_top)
        return low + up * (high - low), sign * (y[0] + up * (y[1] - y[0])), z[0] + up * (z[1] - z[0])

    for start, end in ((0.07, 0.46), (0.5, 0.92)):
        glass = [at(start, 0.08), at(end, 0.08), at(end, 0.86), at(start, 0.86)]
        model.detail(glass if sign < 0 else glass[::-1], _GLASS, 0.95)
        shine = [at(start, 0.5), at(end, 0.66), at(end, 0.86), at(start, 0.86)]
        model.detail(shine if sign < 0 else shine[::-1], (92, 106, 120))
