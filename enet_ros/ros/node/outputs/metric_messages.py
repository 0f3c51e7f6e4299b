"""Messages in metres: point clouds and grids."""

from __future__ import annotations

from array import array

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, Quaternion
from nav_msgs.msg import MapMetaData, OccupancyGrid
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from enet_ros.products.arrays import F32, I8
from enet_ros.products.occupancy import GridSpec
from enet_ros.ros.messages import to_bytes

_XYZ = [PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, name in enumerate("xyz")]


def to_point_cloud(points: F32, stamp: Time, frame_id: str) -> PointCloud2:
    """(N, 3) float32 x, y, z as a cloud of 12 bytes a point; (H, W, 3), which may hold NaN, as an organised one."""
    height, width = (1, len(points)) if points.ndim == 2 else points.shape[:2]
    message = PointCloud2(header=Header(stamp=stamp, frame_id=frame_id), height=height, width=width, fields=_XYZ)
    message.point_step, message.row_step = 12, 12 * width
    message.is_bigendian, message.is_dense = False, points.ndim == 2
    message.data = to_bytes(points)
    return message


def from_point_cloud(message: PointCloud2) -> F32:
    """The inverse of `to_point_cloud`: (N, 3) float32 or (H, W, 3), a view of the message's data."""
    points = np.frombuffer(message.data, np.float32)
    return points.reshape(-1, 3) if message.height == 1 else points.reshape(message.height, message.width, 3)


def to_occupancy_grid(grid: I8, spec: GridSpec, stamp: Time, frame_id: str) -> OccupancyGrid:
    """(rows along y, columns along x) int8 as a grid whose cell [0, 0] has its outer corner at the spec's origin."""
    rows, columns = grid.shape
    x, y = spec.origin
    origin = Pose(position=Point(x=x, y=y, z=0.0), orientation=Quaternion(w=1.0))
    info = MapMetaData(map_load_time=stamp, resolution=spec.resolution_m, width=columns, height=rows, origin=origin)
    message = OccupancyGrid(header=Header(stamp=stamp, frame_id=frame_id), info=info)
    message.data = array("b", grid.tobytes())
    return message


def from_occupancy_grid(message: OccupancyGrid) -> I8:
    """The inverse of `to_occupancy_grid`: (rows along y, columns along x) int8, a view of the message's data."""
    return np.frombuffer(message.data, np.int8).reshape(message.info.height, message.info.width)
