"""Errors of free space and occupancy grid on the synthetic street, where the position of every pixel is known."""

from __future__ import annotations

import numpy as np

from enet_ros.arrays import U8
from enet_ros.errors import ConfigError
from enet_ros.evaluation.truth import MetricJudge, MetricScores, fine_rows, metric_truth
from enet_ros.frames import Frame, Source
from enet_ros.products.free_space import find_free_space
from enet_ros.products.ground import ground
from enet_ros.products.images import surface_image, surface_lut
from enet_ros.products.occupancy import GridSpec, grid_table, occupancy_grid
from enet_ros.products.points import boundary_xy, range_and_bearing
from enet_ros.stamps import NS
from enet_ros.street import Street

RATE_HZ = 30.0
FINE = 5
"""Rows of the truth's image for one of the camera's."""
STRIDE = 10
"""Frames of the street between two that are judged: a third of a second, nearly 3 m."""


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
        self._fine_camera = fine_rows(camera, FINE)
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
