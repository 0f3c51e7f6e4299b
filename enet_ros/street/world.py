"""Layout and traffic of the street: what a seed places along it, and where everything is at a given time.

Street frame: x along the street, y to the left, z up, metres; y = 0 is the middle of the road, z = 0 the ground.
The street repeats every PERIOD_M. Traffic keeps right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np

PERIOD_M = 96.0
LANE_Y = -1.7
"""The middle of the camera's lane."""
LANE_HALF_WIDTH = 3.4
"""From the middle line to the parking bays."""
KERB_Y = 5.4
FRONT_Y = 9.4
"""The plane of the fronts; between it and the kerb lies the pavement."""
FRONT_TOP = 12.0
END_X = 300.0
"""How far ahead of the base frame the ground and the fronts end."""
CAMERA_SPEED = 8.0
"""Metres a second along x."""
TRAFFIC_M = 176.0
"""Traffic reappears after this distance relative to the camera."""

_BEHIND_M = 16.0
_SIGHT_M = {"person": 75.0, "bicyclist": 85.0, "sign": 85.0, "car": 105.0, "lamp": 110.0, "tree": 140.0}
"""Distance beyond which things of each kind are not drawn."""


class Side(Enum):
    """Side of the street; the value is the sign of y."""

    LEFT = 1
    RIGHT = -1


class Surface(IntEnum):
    """Flat surfaces that every frame has; SKY is also a hole in a front."""

    SKY = 0
    ROAD = 1
    PAVEMENT = 2
    HOUSE_LEFT = 3
    HOUSE_RIGHT = 4
    FENCE_LEFT = 5
    FENCE_RIGHT = 6
    TREES_LEFT = 7
    TREES_RIGHT = 8


@dataclass(frozen=True)
class Plot:
    """A stretch of one side's front line, lengths in metres.

    kind: masonry of a house, or of a park (`storeys` 0) what stands before its trees. eaves: where the roof begins, or
    the top of the park's fence.
    """

    start: float
    width: float
    height: float
    eaves: float
    kind: str
    storeys: int = 0

    @property
    def end(self) -> float:
        """Where the next plot starts."""
        return self.start + self.width


@dataclass(frozen=True)
class Thing:
    """Something that stands or moves.

    kind and variant choose its look. x, y: its place at time 0, metres; speed: m/s along x; heading: 1 faces along x,
    -1 against it. period_m: it is there again every so many metres.
    """

    kind: str
    x: float
    y: float
    variant: int = 0
    speed: float = 0.0
    heading: int = 1
    period_m: float = PERIOD_M


@dataclass(frozen=True)
class Layout:
    """One period of the street. bays: the stretches with parking bays, (start, end) each."""

    plots: dict[Side, tuple[Plot, ...]]
    bays: dict[Side, tuple[tuple[float, float], ...]]
    things: tuple[Thing, ...]
    crossing_x: float
    sun_side: Side

    def in_sight(self, seconds: float) -> list[tuple[float, Thing]]:
        """The things that may be seen at a time since the start, each x metres ahead of the base frame.

        In the order of painting: what is far, or to the side of the lane, before what may hide it.
        """
        placed = []
        for thing in self.things:
            x = thing.x + (thing.speed - CAMERA_SPEED) * seconds
            if thing.speed == CAMERA_SPEED:  # the car ahead falls back and gains
                x += 5 * math.sin(0.57 * seconds)
            x = (x + _BEHIND_M) % thing.period_m - _BEHIND_M
            while x < _SIGHT_M[thing.kind]:
                placed.append((x, thing))
                x += thing.period_m
        return sorted(placed, key=lambda each: -each[0] - 2 * abs(each[1].y - LANE_Y))


def plan(seed: int) -> Layout:
    """The street of a seed; the same seed gives the same street."""
    rng = np.random.default_rng(seed)
    crossing_x = float(rng.uniform(42, 50))
    plots = {side: _plots(rng) for side in Side}
    bays = {side: _bays(rng, crossing_x) for side in Side}
    things = [thing for side in Side for thing in (*_parked(rng, side, bays[side]), *_pavement(rng, side, crossing_x))]
    return Layout(plots, bays, (*things, *_traffic(rng)), crossing_x, Side.LEFT if rng.random() < 0.5 else Side.RIGHT)


def _plots(rng: np.random.Generator) -> tuple[Plot, ...]:
    plots: list[Plot] = []
    x = 0.0
    while x < PERIOD_M - 1e-6:
        left = PERIOD_M - x
        if plots and plots[-1].storeys and left > 14 and rng.random() < 0.38:
            width, kind = float(rng.uniform(4.5, 9)), str(rng.choice(["fence", "hedge"]))
            plots.append(Plot(x, width, float(rng.uniform(5, 7.5)), float(rng.uniform(1.1, 1.9)), kind))
        else:
            width = float(rng.uniform(7, 15))
            width = left if left - width < 7 else width
            storeys = int(rng.integers(2, 4))
            eaves = 0.5 + 2.9 * storeys
            top = eaves + float(rng.uniform(1.4, 2.6))
            plots.append(Plot(x, width, top, eaves, str(rng.choice(["brick", "plaster"])), storeys))
        x += width
    return tuple(plots)


def _bays(rng: np.random.Generator, crossing_x: float) -> tuple[tuple[float, float], ...]:
    """Whole bays of 6 m, before the crossing and after it."""
    before, after = crossing_x - 5 - float(rng.uniform(0, 5)), crossing_x + 9 + float(rng.uniform(0, 5))
    return ((before - 6 * int(rng.integers(3, 5)), before), (after, after + 6 * int(rng.integers(3, 5))))


def _parked(rng: np.random.Generator, side: Side, bays: tuple[tuple[float, float], ...]) -> list[Thing]:
    cars = []
    for bay in (bay for start, end in bays for bay in np.arange(start, end - 5.9, 6.0)):
        x, y, variant = bay + rng.uniform(2.8, 3.2), KERB_Y - 1.05 + rng.uniform(-0.08, 0.08), int(rng.integers(32))
        if rng.random() < 0.8:
            cars.append(Thing("car", float(x), side.value * float(y), variant, heading=-side.value))
    return cars


def _pavement(rng: np.random.Generator, side: Side, crossing_x: float) -> list[Thing]:
    """Trees, signs, lamps, traffic lights, and those who stand about."""
    sign, offset = side.value, float(rng.uniform(0, 8))
    things = [Thing("sign", crossing_x + 3.6, sign * (KERB_Y + 0.4))]
    for number, x in enumerate(np.arange(offset, PERIOD_M - 4, 11.5)):
        if rng.random() < 0.72:
            things.append(Thing("tree", float(x), sign * (KERB_Y + 0.75), int(rng.integers(8))))
        elif number % 2:
            things.append(Thing("sign", float(x + 3), sign * (KERB_Y + 0.5), int(rng.integers(1, 4))))
    things.append(Thing("sign", offset + 18, sign * (KERB_Y + 0.5), int(rng.integers(1, 4))))
    for x in (5.7, 5.7 + PERIOD_M / 3, 5.7 + 2 * PERIOD_M / 3):
        things.append(Thing("lamp", offset + x, sign * (KERB_Y + 0.45), int(side is Side.LEFT)))
    for _ in range(3):
        x, y = float(rng.uniform(0, PERIOD_M)), sign * float(rng.uniform(KERB_Y + 1.6, FRONT_Y - 0.5))
        things.append(Thing("person", x, y, int(rng.integers(16))))
    return things


def _traffic(rng: np.random.Generator) -> list[Thing]:
    def moving(kind: str, x: float, y: float, speed: float) -> Thing:
        return Thing(kind, x, y, int(rng.integers(32)), speed, 1 if speed > 0 else -1, TRAFFIC_M)

    things = [
        moving("car", 19.0, LANE_Y, CAMERA_SPEED),
        moving("bicyclist", 24.0, -LANE_HALF_WIDTH + 0.35, 5.2),
        moving("bicyclist", 70.0, LANE_HALF_WIDTH - 0.5, -4.6),
        *(moving("car", x, -LANE_Y, -8.5) for x in (38.0, 95.0, 128.0)),
    ]
    for number in range(7):
        x, y = 8.0 + 18 * number + float(rng.uniform(0, 9)), float(rng.uniform(KERB_Y + 1.5, FRONT_Y - 0.6))
        speed = float(rng.uniform(1.0, 1.6)) * float(rng.choice([-1, 1]))
        things.append(moving("person", x, y if number % 2 else -y, speed))
    return things
