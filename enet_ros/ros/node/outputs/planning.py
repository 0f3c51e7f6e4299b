"""Outputs for planners: free space, obstacle points, occupancy grid, and the run-length code Autoware reads."""

from __future__ import annotations

from nav_msgs.msg import OccupancyGrid
from sensor_msgs.msg import Image, PointCloud2

from enet_ros import messages
from enet_ros.arrays import F64, U8
from enet_ros.classes import autoware_ids
from enet_ros.errors import ConfigError
from enet_ros.msg import FreeSpace as FreeSpaceMessage
from enet_ros.products import run_length
from enet_ros.products.free_space import FreeSpace, find_free_space
from enet_ros.products.ground import DEFAULT_MAX_RANGE_M, Ground, ground
from enet_ros.products.images import surface_image, surface_lut
from enet_ros.products.occupancy import GridSpec, grid_table, occupancy_grid
from enet_ros.products.points import boundary_xy, free_points, ground_points, in_metres, obstacle_points
from enet_ros.ros import qos
from enet_ros.ros.messages import to_message, to_occupancy_grid, to_point_cloud
from enet_ros.ros.node.camera_pose import TfPose, from_parameters
from enet_ros.ros.node.outputs.output import Frame, Output, Setup, if_gated


def outputs(setup: Setup) -> list[Output]:
    """The rows. Raises ConfigError for a grid that cannot be made or an empty base_frame."""
    planning = Planning(setup)
    return [
        Output("~/free_space", FreeSpaceMessage, planning.free_space, needs_confidence=if_gated),
        Output("~/obstacle_points", PointCloud2, planning.obstacle_points, needs_confidence=if_gated),
        Output("~/free_points", PointCloud2, planning.free_points, needs_confidence=if_gated),
        Output("~/ground_points", PointCloud2, planning.ground_points, needs_confidence=if_gated),
        Output("~/occupancy_grid", OccupancyGrid, planning.occupancy_grid, qos.latched(), needs_confidence=if_gated),
        Output("~/run_length", Image, planning.run_length),
    ]


class Planning:
    """What the outputs of one configuration share: tables of its classes, the grid, and the ground under its camera."""

    def __init__(self, setup: Setup) -> None:
        p = setup.parameters
        if not p.base_frame:
            raise ConfigError("base_frame is empty: name the frame of free space, obstacle points and grid")
        self._grid = GridSpec(p.grid_resolution, p.grid_length, p.grid_width)
        self._tf = TfPose(setup.node) if p.use_tf else None
        self._pose = from_parameters(p)
        self._surfaces = surface_lut(setup.classes)
        self._ids = autoware_ids(setup.classes)

    # ---- computed once a frame ----------------------------------------------------------------------------------

    def _surface(self, frame: Frame) -> U8:
        answer = frame.segmentation
        return surface_image(answer.labels, self._surfaces, answer.confidence, frame.parameters.min_confidence)

    def _space(self, frame: Frame) -> FreeSpace:
        surface = frame.once(self._surface)
        return find_free_space(surface, min(frame.parameters.min_run, len(surface)))

    def _ground_of(self, frame: Frame) -> Ground:
        """Raises GeometryError where there are no metres."""
        p, info = frame.parameters, frame.calibration
        pose = self._pose if self._tf is None else self._tf.at(frame.header, p.base_frame)
        camera = None if info is None else messages.intrinsics(info, p.rectified)
        height, width = frame.segmentation.labels.shape
        image_size = frame.camera.shape[0], frame.camera.shape[1]
        return ground(camera, pose, (height, width), max(p.max_range, DEFAULT_MAX_RANGE_M), image_size)

    def _boundary(self, frame: Frame) -> F64:
        return boundary_xy(frame.once(self._space), frame.once(self._ground_of))

    # ---- messages -----------------------------------------------------------------------------------------------

    def free_space(self, frame: Frame) -> FreeSpaceMessage:
        """Rows for every camera; range and bearing where it is calibrated and its pose is known."""
        metres = in_metres(lambda: frame.once(self._boundary))
        if metres.missing:
            frame.notes["~/free_space"] = f"without metres: {metres.missing}"
        height = frame.segmentation.labels.shape[0]
        value = messages.free_space(frame.once(self._space), height, metres, frame.parameters.base_frame)
        message: FreeSpaceMessage = to_message(value, frame.header)
        return message

    def obstacle_points(self, frame: Frame) -> PointCloud2:
        """x, y, z in the base frame. Raises GeometryError."""
        p = frame.parameters
        points = obstacle_points(frame.once(self._space), frame.once(self._boundary), p.max_range)
        return to_point_cloud(points, frame.header.stamp, p.base_frame)

    def free_points(self, frame: Frame) -> PointCloud2:
        """How far each column is known to be free, x, y, z in the base frame. Raises GeometryError."""
        p = frame.parameters
        points = free_points(frame.once(self._space), frame.once(self._ground_of), p.max_range)
        return to_point_cloud(points, frame.header.stamp, p.base_frame)

    def ground_points(self, frame: Frame) -> PointCloud2:
        """The ground under each pixel of the mask, organised like it; NaN where none shows. Raises GeometryError."""
        points = ground_points(frame.once(self._surface), frame.once(self._ground_of))
        return to_point_cloud(points, frame.header.stamp, frame.parameters.base_frame)

    def occupancy_grid(self, frame: Frame) -> OccupancyGrid:
        """The grid in the base frame. Raises GeometryError."""
        p = frame.parameters
        table = grid_table(frame.once(self._ground_of), self._grid, p.max_range)
        grid = occupancy_grid(frame.once(self._surface), table)
        return to_occupancy_grid(grid, self._grid, frame.header.stamp, p.base_frame)

    def run_length(self, frame: Frame) -> Image:
        """Autoware's ids in Autoware's run-length code, in the data of a mono8 image of the mask's size."""
        height, width = frame.segmentation.labels.shape
        code = run_length.encode(frame.segmentation.labels, self._ids)
        message: Image = to_message(messages.Image(height, width, "mono8", 0, width, code), frame.header)
        return message
