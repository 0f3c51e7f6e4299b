"""What stands and moves in the street at a moment, from far to near."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import numpy as np

from enet_ros.datasets.street import figures, furniture
from enet_ros.datasets.street.cars import car
from enet_ros.datasets.street.layout import (
    CAMERA_SPEED,
    FACADE_Y,
    PERIOD_M,
    TINTS,
    TRAFFIC_M,
    WALL_DEPTH,
    Layout,
    Plot,
    Side,
    Thing,
)
from enet_ros.datasets.street.painter import Painter
from enet_ros.datasets.street.sprites import Sprite

_T = TypeVar("_T")

SIGHT_M = 140.0
"""Things farther away are not drawn."""
_BEHIND_M = 16.0
_SIGHT_M = {"person": 80.0, "bicyclist": 100.0, "bollard": 60.0, "sign": 90.0, "railing": 80.0}
_RADIUS_M = {"car": 2.8, "tree": 3.0, "railing": 6.2, "lamp": 1.8}
_RADIUS_M |= dict.fromkeys(("person", "bicyclist", "sign", "light", "bollard"), 0.7)

_person = lru_cache(maxsize=None)(figures.person)
_bicyclist = lru_cache(maxsize=None)(figures.bicyclist)
_tree = lru_cache(maxsize=None)(figures.tree)
_sign = lru_cache(maxsize=None)(figures.sign)
_light = lru_cache(maxsize=None)(figures.traffic_light)
_wall = lru_cache(maxsize=64)(figures.end_wall)


class Traffic:
    """The things of a layout."""

    def __init__(self, layout: Layout) -> None:
        """Draws the sprites that the layout needs."""
        self._layout = layout
        for thing in (*layout.standing, *layout.moving):
            for phase in range(figures.PHASES if thing.speed else 1):
                _sprite_of(thing, phase)
        self._walls = [
            # It reaches a metre before the fronts, whose edge is only as sharp as their texels.
            (plot.start, side.value * (FACADE_Y - 1 + WALL_DEPTH / 2), _wall_of(plot))
            for side in Side
            for before, plot in zip(_previous(layout.plots[side]), layout.plots[side], strict=True)
            if plot.kind in TINTS and before.kind not in TINTS
        ]

    def paint(self, painter: Painter, seconds: float) -> None:
        """Everything in sight at a time since the start, seconds."""
        driven = CAMERA_SPEED * seconds
        for x, y, wall in sorted(_repeated(self._walls, driven), key=lambda each: -each[0]):
            painter.sprite(wall, x, y, "building", in_gap=True)
        standing = [(thing.x, thing.y, thing) for thing in self._layout.standing]
        things = _repeated(standing, driven)
        for thing in self._layout.moving:
            x = thing.x + (thing.speed - CAMERA_SPEED) * seconds
            if thing.speed == CAMERA_SPEED:  # the car ahead falls back and gains
                x += 5 * math.sin(0.57 * seconds)
            things.append(((x + _BEHIND_M) % TRAFFIC_M - _BEHIND_M, thing.y, thing))
        seen = [
            (x, y, thing)
            for x, y, thing in things
            if x < _SIGHT_M.get(thing.kind, SIGHT_M) and painter.sees(x, y, _RADIUS_M[thing.kind])
        ]
        seen.sort(key=lambda each: -each[0])
        for x, y, thing in seen:
            if thing.speed and thing.kind == "car":
                painter.shadow(x - 2.25, x + 2.1, y - 0.95, y + 0.95)
            elif thing.kind in ("person", "bicyclist"):
                painter.shadow(x - 0.25, x + 0.35, y - 0.3, y + 0.3, 0.66)
        for x, y, thing in seen:
            _PAINT[thing.kind](painter, thing, x, y, seconds)


def _previous(plots: tuple[Plot, ...]) -> tuple[Plot, ...]:
    return (plots[-1], *plots[:-1])


def _wall_of(plot: Plot) -> Sprite:
    return _wall(plot.kind, TINTS[plot.kind].index(plot.tint), round(plot.height, 1), WALL_DEPTH)


def _repeated(things: list[tuple[float, float, _T]], driven: float) -> list[tuple[float, float, _T]]:
    """Each thing at every place it has within sight, x relative to the base frame."""
    placed = []
    for x, y, what in things:
        first = (x - driven + _BEHIND_M) % PERIOD_M - _BEHIND_M
        placed += [(float(at), y, what) for at in np.arange(first, SIGHT_M, PERIOD_M)]
    return placed


def _sprite_of(thing: Thing, phase: int) -> Sprite | None:
    if thing.kind in ("person", "bicyclist"):
        return (_person if thing.kind == "person" else _bicyclist)(thing.variant, phase)
    return {"tree": _tree, "sign": _sign}[thing.kind](thing.variant) if thing.kind in ("tree", "sign") else None


def _step(thing: Thing, seconds: float) -> int:
    """Phase of a walk: two steps a second, a standing person does not move."""
    return int(seconds * figures.PHASES * 1.1 + thing.x) % figures.PHASES if thing.speed else 0


def _paint_car(painter: Painter, thing: Thing, x: float, y: float, seconds: float) -> None:
    painter.mesh(car(thing.variant), x, y, thing.heading)


def _paint_person(painter: Painter, thing: Thing, x: float, y: float, seconds: float) -> None:
    painter.sprite(_person(thing.variant, _step(thing, seconds)), x, y, "pedestrian")


def _paint_bicyclist(painter: Painter, thing: Thing, x: float, y: float, seconds: float) -> None:
    painter.sprite(_bicyclist(thing.variant, _step(thing, seconds)), x, y, "bicyclist")


def _paint_tree(painter: Painter, thing: Thing, x: float, y: float, seconds: float) -> None:
    painter.sprite(_tree(thing.variant), x, y, "tree")


def _paint_sign(painter: Painter, thing: Thing, x: float, y: float, seconds: float) -> None:
    painter.mesh(furniture.post(2.85), x, y)
    painter.sprite(_sign(thing.variant), x, y, "sign")


def _paint_light(painter: Painter, thing: Thing, x: float, y: float, seconds: float) -> None:
    painter.mesh(furniture.post(3.2), x, y)
    painter.sprite(_light(1), x, y, "sign")  # green: nobody stops here


def _paint_lamp(painter: Painter, thing: Thing, x: float, y: float, seconds: float) -> None:
    painter.mesh(furniture.lamp(-1 if y > 0 else 1), x, y)


def _paint_bollard(painter: Painter, thing: Thing, x: float, y: float, seconds: float) -> None:
    painter.mesh(furniture.bollard(), x, y)


def _paint_railing(painter: Painter, thing: Thing, x: float, y: float, seconds: float) -> None:
    painter.mesh(furniture.railing(), x, y)


_PAINT: dict[str, Callable[[Painter, Thing, float, float, float], None]] = {
    "car": _paint_car,
    "person": _paint_person,
    "bicyclist": _paint_bicyclist,
    "tree": _paint_tree,
    "sign": _paint_sign,
    "light": _paint_light,
    "lamp": _paint_lamp,
    "bollard": _paint_bollard,
    "railing": _paint_railing,
}
