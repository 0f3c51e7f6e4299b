"""Where everything stands in the street: cross-section, and what the seed placed along one period of it.

Street frame: x along the street, y to the left, z up, metres; y = 0 is the middle of the road, z = 0 the ground.
The street repeats every PERIOD_M. Traffic keeps right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np

PERIOD_M = 96.0
LANE_Y = -1.7
"""The middle of the camera's lane."""
LANE_HALF_WIDTH = 3.4
"""From the middle line to the parking bays."""
KERB_Y = 5.4
FACADE_Y = 9.4
"""The plane of the fronts; between it and the kerb lies the pavement."""
FACADE_TOP = 15.0
FAR_Y = 26.0
"""The plane of what is seen through a gap between two houses."""
FAR_TOP = 12.0
CAMERA_SPEED = 8.0
"""Metres a second along x."""
TRAFFIC_M = 176.0
"""What moves comes back after this distance, seen from the camera."""
BACKDROP_X = 300.0
"""How far ahead of the base frame the view ends."""
BACKDROP_TOP = 30.0
WALL_DEPTH = 11.0


class Side(Enum):
    """Side of the street; the value is the sign of y."""

    LEFT = 1
    RIGHT = -1


@dataclass(frozen=True)
class Plot:
    """A stretch of one side's front line: a house, or a gap behind a fence or hedge. Lengths in metres."""

    start: float
    width: float
    height: float
    kind: str
    storeys: int = 0
    tint: tuple[int, int, int] = (0, 0, 0)
    roof: float = 0.0


@dataclass(frozen=True)
class Thing:
    """Something that stands or moves: kind and variant choose its look.

    x, y: its place at time 0, metres; speed: m/s along x; heading: 1 faces along x, -1 against it.
    """

    kind: str
    x: float
    y: float
    variant: int = 0
    speed: float = 0.0
    heading: int = 1


@dataclass(frozen=True)
class Layout:
    """One period of the street."""

    plots: dict[Side, tuple[Plot, ...]]
    standing: tuple[Thing, ...]
    moving: tuple[Thing, ...]
    crossing_x: float
    sun_side: Side
    bays: dict[Side, tuple[tuple[float, float], ...]] = field(default_factory=dict)


HOUSES = ("brick", "brick", "plaster", "plaster", "concrete")
TINTS = {
    "brick": ((158, 112, 84), (139, 84, 66), (178, 150, 110), (168, 138, 100), (120, 82, 70)),
    "plaster": ((214, 206, 190), (196, 184, 160), (222, 214, 204), (188, 190, 190), (205, 180, 150)),
    "concrete": ((150, 148, 142), (168, 162, 150), (136, 138, 142)),
}


def plan(seed: int) -> Layout:
    """The street of a seed; the same seed gives the same street."""
    rng = np.random.default_rng(seed)
    plots = {side: _plots(rng) for side in Side}
    crossing_x = float(rng.uniform(42, 50))
    bays = {side: _bays(rng, crossing_x) for side in Side}
    standing = [thing for side in Side for thing in _standing(rng, side, plots[side], bays[side])]
    sun_side = Side.LEFT if rng.random() < 0.5 else Side.RIGHT
    standing += [Thing("light", crossing_x + 3.6, side.value * (KERB_Y + 0.4)) for side in Side]
    return Layout(plots, tuple(standing), _moving(rng), crossing_x, sun_side, bays)


def _plots(rng: np.random.Generator) -> tuple[Plot, ...]:
    plots: list[Plot] = []
    x = 0.0
    while x < PERIOD_M - 1e-6:
        left = PERIOD_M - x
        after_house = bool(plots) and plots[-1].kind in TINTS
        if after_house and left > 14 and rng.random() < 0.38:
            width, kind = float(rng.uniform(4.5, 9)), str(rng.choice(["fence", "hedge", "wall"]))
            plots.append(Plot(x, width, float(rng.uniform(1.1, 1.9)), kind))
        else:
            width = float(rng.uniform(7, 15))
            if left - width < 7:
                width = left
            kind = str(rng.choice(HOUSES))
            storeys = int(rng.integers(2, 5))
            roof = float(rng.uniform(1.4, 2.6)) if kind != "concrete" else 0.35
            height = min(3.4 + 2.9 * (storeys - 1) + roof, FACADE_TOP - 0.4)
            tint = TINTS[kind][int(rng.integers(len(TINTS[kind])))]
            plots.append(Plot(x, width, height, kind, storeys, tint, roof))
        x += width
    return tuple(plots)


def _bays(rng: np.random.Generator, crossing_x: float) -> tuple[tuple[float, float], ...]:
    """Stretches with parking bays, (start, end), whole bays of 6 m, clear of the crossing."""
    before = crossing_x - 5 - 6 * int(rng.integers(3, 5)) - float(rng.uniform(0, 5))
    after = crossing_x + 9 + float(rng.uniform(0, 5))
    first_end = before + 6 * int((crossing_x - 5 - before) // 6)
    return ((before, first_end), (after, after + 6 * int(rng.integers(3, 5))))


def _standing(
    rng: np.random.Generator, side: Side, plots: tuple[Plot, ...], bays: tuple[tuple[float, float], ...]
) -> list[Thing]:
    sign = side.value
    things = []
    for start, end in bays:
        for bay in np.arange(start, end - 5.9, 6.0):
            if rng.random() < 0.8:
                y = sign * (KERB_Y - 1.05 + float(rng.uniform(-0.08, 0.08)))
                things.append(Thing("car", float(bay + rng.uniform(2.8, 3.2)), y, int(rng.integers(48)), heading=-sign))
    offset = float(rng.uniform(0, 8))
    for number, x in enumerate(np.arange(offset, PERIOD_M - 4, 11.5)):
        if rng.random() < 0.72:
            things.append(Thing("tree", float(x), sign * (KERB_Y + 0.75), int(rng.integers(8))))
        elif number % 2:
            things.append(Thing("sign", float(x + 3), sign * (KERB_Y + 0.5), int(rng.integers(8))))
    things += [
        Thing("lamp", float(x), sign * (KERB_Y + 0.45))
        for x in (offset + 5.7, offset + 5.7 + PERIOD_M / 3, offset + 5.7 + 2 * PERIOD_M / 3)
    ]
    things.append(Thing("sign", offset + 18.0, sign * (KERB_Y + 0.5), int(rng.integers(8))))
    things += [Thing("bollard", bays[0][1] + 2 + 1.5 * i, sign * (KERB_Y + 0.35)) for i in range(5)]
    things.append(Thing("railing", float(bays[1][0] - 8.0), sign * (KERB_Y + 0.3)))
    for _ in range(3):
        x = float(rng.uniform(0, PERIOD_M))
        things.append(
            Thing("person", x, sign * float(rng.uniform(KERB_Y + 1.6, FACADE_Y - 0.5)), int(rng.integers(16)))
        )
    return things


def _moving(rng: np.random.Generator) -> tuple[Thing, ...]:
    things = [
        Thing("car", 19.0, LANE_Y, int(rng.integers(48)), CAMERA_SPEED),
        Thing("bicyclist", 24.0, -LANE_HALF_WIDTH + 0.35, int(rng.integers(16)), 5.2),
        Thing("bicyclist", 70.0, LANE_HALF_WIDTH - 0.5, int(rng.integers(16)), -4.6, -1),
    ]
    things += [Thing("car", x, -LANE_Y, int(rng.integers(48)), -8.5, -1) for x in (38.0, 95.0, 128.0)]
    for number in range(7):
        sign = 1 if number % 2 else -1
        speed = float(rng.uniform(1.0, 1.6)) * (1 if rng.random() < 0.5 else -1)
        y = sign * float(rng.uniform(KERB_Y + 1.5, FACADE_Y - 0.6))
        things.append(Thing("person", 8.0 + 18 * number + float(rng.uniform(0, 9)), y, int(rng.integers(16)), speed))
    return tuple(things)
