"""The metres judged: free space and grid on the synthetic street, whose every pixel's place is known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from enet_ros.classes import ClassTable
from enet_ros.evaluation.predict import LabelledFrame
from enet_ros.evaluation.truth import MetricJudge, MetricScores, fine_rows, metric_truth
from enet_ros.products.free_space import find_free_space
from enet_ros.products.ground import ground
from enet_ros.products.obstacle_points import boundary_xy, range_and_bearing
from enet_ros.products.occupancy import GridSpec, grid_table, occupancy_grid
from enet_ros.products.surface import surface_image, surface_lut
from enet_ros.street import Street

UInt8 = npt.NDArray[np.uint8]

FINE = 5
"""Rows of the truth's image for one of the camera's."""
STRIDE = 10
"""Frames of the street between two that are judged: a third of a second, nearly 3 m."""


class StreetJudge:
    """Draws the street's frames, and judges what is made of their labels."""

    def __init__(self, street: Street, spec: GridSpec | None = None) -> None:
        """`spec` is the grid's; 0.1 m, 20 x 10 m by default. Raises GeometryError where the camera sees no ground."""
        self._street = street
        self._spec = GridSpec() if spec is None else spec
        self._lut = surface_lut(street.table)
        self._fine_camera = fine_rows(street.intrinsics, FINE)
        self._fine = Street(street.seed, fps=street.fps, pose=street.pose, intrinsics=self._fine_camera)
        size = (street.intrinsics.height, street.intrinsics.width)
        self._ground = ground(street.intrinsics, street.pose, size)
        self._table = grid_table(self._ground, self._spec)
        self._judge = MetricJudge()
        self._numbers: dict[str, int] = {}

    @property
    def table(self) -> ClassTable:
        """The classes of the street's labels."""
        return self._street.table

    def frames(self, count: int) -> Iterator[LabelledFrame]:
        """`count` frames along the drive, with their exact labels."""
        for position in range(count):
            frame = self._street.frame(position * STRIDE)
            name = f"street {frame.index:05d}"
            self._numbers[name] = frame.index
            yield LabelledFrame(name, frame.image, frame.labels)

    def add(self, name: str, labels: UInt8) -> None:
        """Judge what is made of a drawn frame's `labels`, (H, W) uint8 of the camera's size, exact or a network's."""
        fine = self._fine.frame(self._numbers.pop(name))
        fine_surface = surface_image(fine.labels, self._lut)
        depth_m = fine.depth_m.astype(np.float64)
        truth = metric_truth(fine_surface, depth_m, self._fine_camera, self._street.pose, self._spec)
        surface = surface_image(labels, self._lut)
        range_m, _ = range_and_bearing(boundary_xy(find_free_space(surface), self._ground))
        self._judge.add(range_m.astype(np.float64), occupancy_grid(surface, self._table), truth)

    def scores(self) -> MetricScores:
        """Errors of the frames so far."""
        return self._judge.scores()
