"""What stands and moves in the street at a moment, from far to near."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from enet_ros.street import figures, furniture, people
from enet_ros.street.boards import Upright
from enet_ros.street.cars import car
from enet_ros.street.layout import (
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
from enet_ros.street.painter import Painter
from enet_ros.street.solids import Standing
from enet_ros.street.sprites import Sprite
from enet_ros.street.view import View

SIGHT_M = 140.0
"""Things farther away are not drawn."""
_BEHIND_M = 16.0
_SHADOW_M = 40.0
"""Farther away, the shadow at someone's feet is lower than two pixels."""
_BARS_M = 24.0
"""Distance at which a railing's bars run into each other."""
_SIGHT_M = {
    "person": 75.0,
    "bicyclist": 85.0,
    "bollard": 50.0,
    "sign": 85.0,
    "railing": 65.0,
    "car": 105.0,
    "lamp": 110.0,
}
_RADIUS_M = {"car": 2.8, "tree": 3.0, "railing": 6.2, "lamp": 1.8}
_RADIUS_M |= dict.fromkeys(("person", "bicyclist", "sign", "light", "bollard"), 0.7)

_person = lru_cache(maxsize=None)(people.person)
_bicyclist = lru_cache(maxsize=None)(people.bicyclist)
_tree = lru_cache(maxsize=None)(figures.tree)
_sign = lru_cache(maxsize=None)(figures.sign)
_light = lru_cache(maxsize=None)(figures.traffic_light)
_wall = lru_cache(maxsize=64)(figures.end_wall)


class Traffic:
    """The things of a layout."""

    def __init__(self, layout: Layout) -> None:
        """Draws the sprites that the layout needs."""
        for thing in (*layout.standing, *layout.moving):
            for phase in range(people.PHASES if thing.speed else 1):
                _sprite_of(thing, phase)
        self._standing, self._moving = _Places(layout.standing), _Places(layout.moving)
        self._walls = [
            # It reaches a metre before the fronts, whose edge is only as sharp as their texels.
            (plot.start, side.value * (FACADE_Y - 1 + WALL_DEPTH / 2), _wall_of(plot))
            for side in Side
            for before, plot in zip(_previous(layout.plots[side]), layout.plots[side], strict=True)
            if plot.kind in TINTS and before.kind not in TINTS
        ]
        self._wall_x = np.array([x for x, _, _ in self._walls])

    def paint(self, painter: Painter, view: View, seconds: float) -> None:
        """Everything in sight at a time since the start, seconds."""
        driven = CAMERA_SPEED * seconds
        at, number = _repeated(self._wall_x, driven)
        order = np.argsort(-at, kind="stable")
        painted: list[Standing | Upright] = []
        for x, which in zip(at[order].tolist(), number[order].tolist(), strict=True):
            painted.append(Upright(self._walls[which][2], x, self._walls[which][1], "building", in_gap=True))
        seen = self._seen(view, seconds)
        for x, y, thing in seen:
            if thing.speed and thing.kind == "car":
                painter.shadow(x - 2.25, x + 2.1, y - 0.95, y + 0.95)
            elif thing.kind in ("person", "bicyclist") and x < _SHADOW_M:
                painter.shadow(x - 0.25, x + 0.35, y - 0.3, y + 0.3, 0.66)
            painted += _LOOK[thing.kind](thing, x, y, seconds)
        painter.paint(painted)

    def _seen(self, view: View, seconds: float) -> list[tuple[float, float, Thing]]:
        """What may be in the image, from far to near."""
        standing, moving = self._standing, self._moving
        x, number = _repeated(standing.x, CAMERA_SPEED * seconds)
        x_moving = moving.x + (moving.speed - CAMERA_SPEED) * seconds
        # The car ahead falls back and gains.
        x_moving[moving.speed == CAMERA_SPEED] += 5 * math.sin(0.57 * seconds)
        x = np.append(x, (x_moving + _BEHIND_M) % TRAFFIC_M - _BEHIND_M)
        y, sight, radius = (
            np.append(getattr(standing, name)[number], getattr(moving, name)) for name in ("y", "sight", "radius")
        )
        things = [*(standing.things[each] for each in number.tolist()), *moving.things]
        seen = np.flatnonzero((x < sight) & view.sees(x, y, radius))
        seen = seen[np.argsort(-x[seen], kind="stable")]
        return [(float(x[each]), float(y[each]), things[each]) for each in seen.tolist()]


class _Places:
    """Things and, as arrays, where they are."""

    def __init__(self, things: tuple[Thing, ...]) -> None:
        self.things = things
        self.x, self.y, self.speed = (np.array([getattr(t, name) for t in things]) for name in ("x", "y", "speed"))
        self.sight = np.array([_SIGHT_M.get(thing.kind, SIGHT_M) for thing in things])
        self.radius = np.array([_RADIUS_M[thing.kind] for thing in things])


def _previous(plots: tuple[Plot, ...]) -> tuple[Plot, ...]:
    return (plots[-1], *plots[:-1])


def _wall_of(plot: Plot) -> Sprite:
    return _wall(plot.kind, TINTS[plot.kind].index(plot.tint), round(plot.height, 1), WALL_DEPTH)


def _repeated(x: npt.NDArray[np.float64], driven: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Every place within sight of things that the street repeats, x relative to the base frame, and their numbers."""
    first = (x - driven + _BEHIND_M) % PERIOD_M - _BEHIND_M
    at = first[:, None] + np.arange(0, SIGHT_M + _BEHIND_M, PERIOD_M)
    number, _ = np.nonzero(at < SIGHT_M)
    return at[at < SIGHT_M], number


def _walking(thing: Thing, phase: int) -> Sprite:
    return _person(thing.variant, phase, not thing.speed and thing.variant % 3 > 0)


def _sprite_of(thing: Thing, phase: int) -> Sprite | None:
    if thing.kind == "person":
        return _walking(thing, phase)
    return _bicyclist(thing.variant, phase) if thing.kind == "bicyclist" else _still(thing)


def _still(thing: Thing) -> Sprite | None:
    return {"tree": _tree, "sign": _sign}[thing.kind](thing.variant) if thing.kind in ("tree", "sign") else None


def _step(thing: Thing, seconds: float) -> int:
    """Phase of a walk: two steps a second, a standing person does not move."""
    return int(seconds * people.PHASES * 1.1 + thing.x) % people.PHASES if thing.speed else 0


def _car(thing: Thing, x: float, y: float, seconds: float) -> list[Standing | Upright]:
    return [Standing(car(thing.variant), x, y, thing.heading)]


def _walker(thing: Thing, x: float, y: float, seconds: float) -> list[Standing | Upright]:
    return [Upright(_walking(thing, _step(thing, seconds)), x, y, "pedestrian")]


def _rider(thing: Thing, x: float, y: float, seconds: float) -> list[Standing | Upright]:
    return [Upright(_bicyclist(thing.variant, _step(thing, seconds)), x, y, "bicyclist")]


def _planted(thing: Thing, x: float, y: float, seconds: float) -> list[Standing | Upright]:
    return [Upright(_tree(thing.variant), x, y, "tree")]


def _posted(thing: Thing, x: float, y: float, seconds: float) -> list[Standing | Upright]:
    return [Standing(furniture.post(2.85), x, y), Upright(_sign(thing.variant), x, y, "sign")]


def _signal(thing: Thing, x: float, y: float, seconds: float) -> list[Standing | Upright]:
    # Green: nobody stops here.
    return [Standing(furniture.post(3.2), x, y), Upright(_light(1), x, y, "sign")]


def _lamp(thing: Thing, x: float, y: float, seconds: float) -> list[Standing | Upright]:
    return [Standing(furniture.lamp(-1 if y > 0 else 1), x, y)]


def _bollard(thing: Thing, x: float, y: float, seconds: float) -> list[Standing | Upright]:
    return [Standing(furniture.bollard(), x, y)]


def _railing(thing: Thing, x: float, y: float, seconds: float) -> list[Standing | Upright]:
    return [Standing(furniture.railing(25 if x < _BARS_M else 9), x, y)]


_LOOK: dict[str, Callable[[Thing, float, float, float], list[Standing | Upright]]] = {
    "car": _car,
    "person": _walker,
    "bicyclist": _rider,
    "tree": _planted,
    "sign": _posted,
    "light": _signal,
    "lamp": _lamp,
    "bollard": _bollard,
    "railing": _railing,
}
