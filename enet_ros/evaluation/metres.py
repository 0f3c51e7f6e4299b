"""Errors in metres of free space and occupancy grid, judged on the synthetic street.

The truth comes from an image of the same camera with FINE times the rows, so that its boundaries are that much sharper
than those of what is judged; its metres come from the depth of every pixel, not from assuming a flat ground.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from enet_ros.arrays import F64, I8, U8
from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.errors import ConfigError
from enet_ros.frames import Frame, Source
from enet_ros.products import lens
from enet_ros.products.free_space import find_free_space
from enet_ros.products.ground import ground
from enet_ros.products.images import Surface, surface_image, surface_lut
from enet_ros.products.occupancy import FREE, OCCUPIED, UNKNOWN, GridSpec, grid_table, occupancy_grid
from enet_ros.products.points import boundary_xy, range_and_bearing
from enet_ros.stamps import NS
from enet_ros.street import Street

RATE_HZ = 30.0
FINE = 5
"""Rows of the truth's image for one of the camera's."""
STRIDE = 10
"""Frames of the street between two that are judged: a third of a second, nearly 3 m."""
FOOT_M = 0.3
"""Only what is seen below this height occupies a cell; a tree's crown or a sign's plate does not."""


class MetricTruth(NamedTuple):
    """The true ranges and grid of one frame.

    range_m  (W,) float64, metres from the base frame's origin to where each column's road ends; NaN where it does not
             end within the image
    grid     (rows, columns) int8: FREE, OCCUPIED, or UNKNOWN where the camera cannot see the cell
    """

    range_m: F64
    grid: I8


class MetricScores(NamedTuple):
    """Errors over all frames; NaN where there was nothing to judge.

    range_error_p95_20m, range_error_p95_40m  95th percentile of |range - truth| / truth over the columns whose road
                                              truly ends within 20 and 40 m; infinite for a column without an answer
    grid_agreement                            share of cells with the true value, of those that the camera can see or
                                              that are called free
    """

    range_error_p95_20m: float
    range_error_p95_40m: float
    grid_agreement: float
    columns: int
    cells: int


def metric_truth(surface: U8, depth_m: F64, camera: CameraIntrinsics, pose: CameraPose, spec: GridSpec) -> MetricTruth:
    """The truth of one frame, from images of a camera whose pose in the base frame is `pose`.

    surface  (H, W) uint8 of `Surface` without UNKNOWN
    depth_m  (H, W) metres along the optical axis, inf for the sky
    """
    height, width = surface.shape
    u, v = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    rays = lens.rays(camera, np.column_stack((u.ravel(), v.ravel()))).reshape(height, width, 3)
    with np.errstate(invalid="ignore"):
        points = (rays * depth_m[..., None]) @ pose.rotation().T + pose.position()
    return MetricTruth(_range(surface, points), _grid(surface, depth_m, points, camera, pose, spec))


def _range(surface: U8, points: F64) -> F64:
    """(W,) float64: range of the first pixel in each column, from the bottom up, that is not drivable."""
    height, width = surface.shape
    blocked = surface[::-1] != Surface.DRIVABLE
    length = blocked.argmax(axis=0)
    columns = np.arange(width)
    row = height - 1 - length
    reach = np.hypot(points[..., 0], points[..., 1])
    found = reach[row, columns]
    below = reach[np.minimum(row + 1, height - 1), columns]
    # A kerb lies between the last pixel of the road and the first of the pavement; a wall's foot is as far as the wall.
    found = np.where(surface[row, columns] == Surface.FLAT, (found + below) / 2, found)
    in_image = blocked[length, columns] & (length > 0) & np.isfinite(found)
    return np.where(in_image, found, np.nan)


def _grid(surface: U8, depth_m: F64, points: F64, camera: CameraIntrinsics, pose: CameraPose, spec: GridSpec) -> I8:
    """(rows, columns) int8: cells whose ground is seen, by its surface, and those on which something stands."""
    grid = np.full(spec.shape, UNKNOWN, np.int8)
    cells = grid.reshape(-1)
    centers = spec.centers()
    toward = (np.column_stack((centers, np.zeros(len(centers)))) - pose.position()) @ pose.rotation()
    pixels, inside = lens.in_view(camera, toward)
    u, v = np.floor(pixels[inside] + 0.5).astype(np.intp).T
    # What hides a cell is nearer than the cell by more than the depth of the pixel's own patch of ground.
    patch = np.abs(np.gradient(np.where(np.isfinite(depth_m), depth_m, 1e4), axis=0))[v, u] + spec.resolution_m / 2
    seen = depth_m[v, u] >= toward[inside, 2] - patch
    on_ground = seen & (surface[v, u] != Surface.UPRIGHT)
    index = np.flatnonzero(inside)[on_ground]
    cells[index] = np.where(surface[v, u][on_ground] == Surface.DRIVABLE, FREE, OCCUPIED)
    stands = (surface == Surface.UPRIGHT) & (points[..., 2] < FOOT_M) & np.isfinite(depth_m)
    column, row = np.floor((points[stands][:, :2] - spec.origin) / spec.resolution_m).astype(np.intp).T
    within = (row >= 0) & (row < spec.shape[0]) & (column >= 0) & (column < spec.shape[1])
    grid[row[within], column[within]] = OCCUPIED
    return grid


class MetricJudge:
    """Collects the errors of many frames."""

    def __init__(self) -> None:
        self._truths: list[F64] = []
        self._errors: list[F64] = []
        self._right = 0
        self._cells = 0

    def add(self, range_m: F64, grid: I8, truth: MetricTruth) -> None:
        """Judge a frame by `range_m` (W,) in metres, NaN for no answer, and `grid`, int8 of the truth's shape."""
        ends = np.isfinite(truth.range_m)
        error = np.abs(range_m[ends] - truth.range_m[ends]) / truth.range_m[ends]
        self._truths.append(truth.range_m[ends])
        self._errors.append(np.where(np.isnan(error), np.inf, error))
        judged = (truth.grid != UNKNOWN) | (grid == FREE)
        self._cells += int(judged.sum())
        self._right += int((grid[judged] == truth.grid[judged]).sum())

    def scores(self) -> MetricScores:
        """The errors of all frames added so far."""
        truths = np.concatenate([*self._truths, np.empty(0)])
        errors = np.concatenate([*self._errors, np.empty(0)])

        def p95(limit_m: float) -> float:
            within = errors[truths <= limit_m]
            return float(np.percentile(within, 95, method="higher")) if within.size else float("nan")

        agreement = self._right / self._cells if self._cells else float("nan")
        return MetricScores(p95(20.0), p95(40.0), agreement, len(truths), self._cells)


class StreetJudge:
    """Judges the ranges and grids that follow from labels of the street's frames."""

    def __init__(self, source: Source, seed: int, spec: GridSpec | None = None) -> None:
        """source: `from_street` at RATE_HZ, of the same seed. spec: the grid's, 0.1 m and 20 x 10 m by default.

        Raises ConfigError where the source has no camera, GeometryError where the camera sees no ground.
        """
        if source.calibration is None or source.pose is None or source.table is None:
            raise ConfigError(f"metres cannot be judged on {source.place}: use the synthetic street")
        camera, self._pose = source.calibration, source.pose
        self._spec = GridSpec() if spec is None else spec
        self._lut = surface_lut(source.table)
        self._fine_camera = lens.scaled(camera, camera.width, camera.height * FINE)
        self._fine = Street(seed, fps=RATE_HZ, pose=self._pose, intrinsics=self._fine_camera)
        self._ground = ground(camera, self._pose, (camera.height, camera.width))
        self._table = grid_table(self._ground, self._spec)
        self._judge = MetricJudge()

    def add(self, frame: Frame, labels: U8) -> None:
        """Judge what follows from a frame's `labels`: (H, W) uint8 of the camera's size, exact or a network's."""
        fine = self._fine.frame(round(frame.stamp_ns * RATE_HZ / NS) - 1)
        fine_surface = surface_image(fine.labels, self._lut)
        depth_m = fine.depth_m.astype(np.float64)
        truth = metric_truth(fine_surface, depth_m, self._fine_camera, self._pose, self._spec)
        surface = surface_image(labels, self._lut)
        range_m, _ = range_and_bearing(boundary_xy(find_free_space(surface), self._ground))
        self._judge.add(range_m.astype(np.float64), occupancy_grid(surface, self._table), truth)

    def scores(self) -> MetricScores:
        """Errors of the frames so far."""
        return self._judge.scores()
