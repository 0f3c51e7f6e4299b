"""An answered image of a wall across a road, and the outputs made of it, without a node."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from enet_ros.classes import CAMVID
from enet_ros.ros.node.outputs import Frame, Output, Setup, planning
from enet_ros.ros.parameters import Parameters
from enet_ros.segmenter import Segmentation

sys.path.append(str(Path(__file__).resolve().parents[1] / "products"))
import flat_scenes as scenes

LENS, POSE, WALL_M = scenes.LENSES["plumb_bob"], scenes.POSES["placed"], 8.0
PARAMETERS = Parameters(
    camera_height=POSE.height_m,
    camera_pitch=POSE.pitch_rad,
    camera_roll=POSE.roll_rad,
    camera_yaw=POSE.yaw_rad,
    camera_x=POSE.x_m,
    camera_y=POSE.y_m,
    base_frame="base_footprint",
)


def calibration(**changes: Any) -> CameraInfo:
    info = CameraInfo(width=LENS.width, height=LENS.height, distortion_model=LENS.model, d=list(LENS.d))
    info.k = LENS.k.ravel()
    for name, value in changes.items():
        setattr(info, name, value)
    return info


def labels() -> np.ndarray:
    road, _ = scenes.wall(LENS, POSE, WALL_M)
    return np.where(road, CAMVID.index("road"), CAMVID.index("building")).astype(np.uint8)


def frame(parameters: Parameters = PARAMETERS, info: CameraInfo | None = None, confidence: int = 250) -> Frame:
    header = Header(frame_id="camera_optical_frame")
    header.stamp.sec, header.stamp.nanosec = 17, 400_000_000
    ids = labels()
    answer = Segmentation(ids, np.full(ids.shape, confidence, np.uint8), 0, 0, 0)
    return Frame(header, np.zeros((*ids.shape, 3), np.uint8), answer, info, parameters)


def rows(parameters: Parameters = PARAMETERS) -> dict[str, Output]:
    setup = Setup(None, parameters, CAMVID)  # type: ignore[arg-type]  # the node serves TF alone
    return {output.topic: output for output in planning.outputs(setup)}


def round_trip(message: Any) -> Any:
    """Through CDR: what a subscriber gets."""
    return deserialize_message(serialize_message(message), type(message))


def nav2_accepts_grid(message: Any) -> bool:
    """The conditions of nav2_ros_common/validate_messages.hpp for nav_msgs/OccupancyGrid, in its order."""
    if message.header.stamp.nanosec >= 1_000_000_000 or not message.header.frame_id:
        return False
    position, q = message.info.origin.position, message.info.origin.orientation
    if not all(map(math.isfinite, (position.x, position.y, position.z, q.x, q.y, q.z, q.w))):
        return False
    if abs(q.x * q.x + q.y * q.y + q.z * q.z + q.w * q.w - 1.0) >= 1e-4:
        return False
    if not math.isfinite(message.info.resolution) or message.info.resolution < 1e-6:
        return False
    width, height = message.info.width, message.info.height
    if width == 0 or height == 0 or width > 32767 or height > 32767 or width * height >= 2**32:
        return False
    return len(message.data) == width * height
