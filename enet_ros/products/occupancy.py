"""An occupancy grid of the ground in front of the camera, with the values of nav_msgs/OccupancyGrid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from enet_ros.arrays import F64, I8, I32, U8
from enet_ros.errors import ConfigError, ImageError
from enet_ros.products.ground import Ground
from enet_ros.products.images import Surface

UNKNOWN, FREE, OCCUPIED = -1, 0, 100
"""The three values of a cell: unseen, void or unsure; drivable; not drivable."""

MAX_SIDE = 32767
"""Cells. Nav2 refuses a wider or longer grid (nav2 validate_messages.hpp)."""

_MAX_CELLS = 4_000_000


@dataclass(frozen=True)
class GridSpec:
    """Size and place of the grid in the base frame (REP-103: x forward, y left).

    resolution_m: side of a cell. length_m: along x, from x_min_m on. width_m: along y, centred on the x axis.
    obstacle_depth_m: how far behind its foot an upright obstacle is occupied; what lies further behind is hidden.
    Raises ConfigError for values that are not finite, not positive, or make a grid Nav2 would refuse.
    """

    resolution_m: float = 0.1
    length_m: float = 20.0
    width_m: float = 10.0
    x_min_m: float = 0.0
    obstacle_depth_m: float = 0.3

    def __post_init__(self) -> None:
        for name in ("resolution_m", "length_m", "width_m", "obstacle_depth_m"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(f"grid {name} is {value}; use metres above 0")
        if not math.isfinite(self.x_min_m):
            raise ConfigError(f"grid x_min_m is {self.x_min_m}; use a number of metres")
        rows, columns = self.shape
        if max(rows, columns) > MAX_SIDE or rows * columns > _MAX_CELLS or min(rows, columns) < 1:
            raise ConfigError(
                f"a grid of {columns} x {rows} cells ({self.length_m} x {self.width_m} m at {self.resolution_m} m) "
                f"is not sensible; use 1 to {MAX_SIDE} cells a side and at most {_MAX_CELLS} in all"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(rows along y, columns along x), the array's shape; OccupancyGrid calls them height and width."""
        return round(self.width_m / self.resolution_m), round(self.length_m / self.resolution_m)

    @property
    def origin(self) -> tuple[float, float]:
        """(x, y) in the base frame of the outer corner of cell [0, 0], metres."""
        return self.x_min_m, -self.shape[0] * self.resolution_m / 2

    def centers(self) -> F64:
        """(rows * columns, 2) float64: x, y of the cells' centres in the base frame, row by row."""
        rows, columns = self.shape
        x0, y0 = self.origin
        x = x0 + (np.arange(columns) + 0.5) * self.resolution_m
        y = y0 + (np.arange(rows) + 0.5) * self.resolution_m
        return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


@dataclass(frozen=True, eq=False)
class GridTable:
    """Which pixel shows which cell, for one calibration, pose and grid. Make one with `grid_table`.

    cells: (M,) int32, flat indices of the cells whose centre lies in the image. centers, behind: (M,) int32, flat
    indices of the pixels that show a cell's centre, and the point half a cell further from the camera. nearer:
    (K, M) int32, those of points 1..K cells nearer to the camera. -1 stands for a point outside the image.
    """

    spec: GridSpec
    size: tuple[int, int]
    cells: I32
    centers: I32
    behind: I32
    nearer: I32


@lru_cache(maxsize=4)
def grid_table(ground: Ground, spec: GridSpec, max_range_m: float = math.inf) -> GridTable:
    """The pixels of a grid's cells, cached for the last few grounds.

    Cells further than `max_range_m` from the camera, or than the ground's own, are left unseen.
    """
    centers = spec.centers()
    foot = ground.pose.position()[:2]
    away = centers - foot
    distance = np.hypot(away[:, 0], away[:, 1])
    pixels = _pixel_index(ground, centers)
    seen = np.flatnonzero((pixels >= 0) & (distance <= min(max_range_m, ground.max_range_m)))
    cell = away[seen] / np.maximum(distance[seen], 1e-9)[:, None] * spec.resolution_m
    steps = math.ceil(spec.obstacle_depth_m / spec.resolution_m)
    return GridTable(
        spec,
        (ground.intrinsics.height, ground.intrinsics.width),
        seen.astype(np.int32),
        pixels[seen],
        _pixel_index(ground, centers[seen] + 0.5 * cell),
        np.stack([_pixel_index(ground, centers[seen] - step * cell) for step in range(1, steps + 1)]),
    )


def _pixel_index(ground: Ground, xy: F64) -> I32:
    """(N,) int32: flat index of the pixel that shows each ground point (N, 2), -1 outside the image."""
    uv, inside = ground.pixels(xy)
    index = np.full(len(xy), -1, np.int32)
    u, v = np.floor(uv[inside] + 0.5).astype(np.int32).T
    index[inside] = v * ground.intrinsics.width + u
    return index


def occupancy_grid(surface: U8, table: GridTable) -> I8:
    """The grid of one frame.

    surface: (H, W) uint8 of `Surface`, of the size the table was made for; otherwise ImageError.
    Returns (rows along y, columns along x) int8, x fastest, as OccupancyGrid.data wants it:
    0 where the pixel that shows the cell's centre is drivable; 100 where it is other ground, or where an upright
    obstacle has its foot in the cell or up to `obstacle_depth_m` nearer to the camera; -1 for void, unsure, outside
    the image, and further behind an obstacle, whose upper parts only seem to lie on the ground there.
    """
    if surface.shape != table.size or surface.dtype != np.uint8:
        raise ImageError(
            f"the surface image has shape {surface.shape}, dtype {surface.dtype}; "
            f"the grid's table is for uint8 of shape {table.size}, make one for this size"
        )
    flat = np.ascontiguousarray(surface).reshape(-1)
    shown = flat[table.centers]
    values = _VALUES[shown]
    values[(flat[table.behind] == Surface.UPRIGHT.value) & (table.behind >= 0)] = OCCUPIED
    upright = np.flatnonzero(shown == Surface.UPRIGHT.value)
    nearer = table.nearer[:, upright]
    hidden = ((flat[nearer] == Surface.UPRIGHT.value) & (nearer >= 0)).all(axis=0)
    values[upright[hidden]] = UNKNOWN
    grid = np.full(table.spec.shape, UNKNOWN, np.int8)
    grid.reshape(-1)[table.cells] = values
    return grid


_VALUES = np.full(4, UNKNOWN, np.int8)
_VALUES[Surface.DRIVABLE] = FREE
_VALUES[Surface.FLAT] = OCCUPIED
_VALUES[Surface.UPRIGHT] = OCCUPIED
