"""Arrays of messages, as views of their data: the inverses of what `enet_ros.ros.messages` fills them by."""

from __future__ import annotations

from typing import Any

import numpy as np
from nav_msgs.msg import OccupancyGrid
from sensor_msgs.msg import Image, PointCloud2

from enet_ros.arrays import F32, I8


def from_image(message: Image) -> Any:
    """(H, W) for mono8, (H, W, 3) for rgb8."""
    flat = np.frombuffer(message.data, np.uint8)
    channels = message.step // message.width
    shape = (message.height, message.width, channels)
    return flat.reshape(shape if channels > 1 else shape[:2])


def from_point_cloud(message: PointCloud2) -> F32:
    """(N, 3) float32 or (H, W, 3)."""
    points = np.frombuffer(message.data, np.float32)
    return points.reshape(-1, 3) if message.height == 1 else points.reshape(message.height, message.width, 3)


def from_occupancy_grid(message: OccupancyGrid) -> I8:
    """(rows along y, columns along x) int8."""
    return np.frombuffer(message.data, np.int8).reshape(message.info.height, message.info.width)
