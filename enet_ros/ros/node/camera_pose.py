"""The camera's pose, from parameters or from TF where tf2_ros is installed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from rclpy.node import Node
from rclpy.time import Time
from std_msgs.msg import Header

from enet_ros.camera import CameraPose
from enet_ros.products.lens import GeometryError, Reason
from enet_ros.ros.parameters import Parameters
from enet_ros.stamps import stamp_ns

MAX_LAG_NS = 100_000_000
"""A pose up to this much older than the image is used for it."""

_LISTENER = "_enet_ros_tf"


def from_parameters(parameters: Parameters) -> CameraPose | None:
    """The pose given by parameters; None where camera_height is 0, which means unknown."""
    p = parameters
    if p.camera_height <= 0:
        return None
    return CameraPose(p.camera_height, p.camera_pitch, p.camera_roll, p.camera_x, p.camera_y, p.camera_yaw)


def from_transform(translation: npt.ArrayLike, quaternion_xyzw: npt.ArrayLike) -> CameraPose:
    """The pose of an optical frame (x right, y down, z forward, REP-103) in the base frame.

    translation: (3,) metres. quaternion_xyzw: (4,), as geometry_msgs/Transform has it; takes a direction of the optical
    frame to the base frame. Raises GeometryError(NOT_FINITE) for values that are no transform.
    """
    place, q = np.asarray(translation, np.float64), np.asarray(quaternion_xyzw, np.float64)
    norm = float(np.linalg.norm(q))
    if not (np.isfinite(place).all() and math.isfinite(norm) and norm > 1e-6):
        raise GeometryError(Reason.NOT_FINITE, f"TF gives translation {place.tolist()}, rotation {q.tolist()}")
    x, y, z, w = q / norm
    optical = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    # Columns of the camera body (x forward, y left, z up), then its angles about z, y, x.
    forward, left, up = optical[:, 2], -optical[:, 0], -optical[:, 1]
    return CameraPose(
        height_m=float(place[2]),
        pitch_rad=math.asin(max(-1.0, min(1.0, -float(forward[2])))),
        roll_rad=math.atan2(float(left[2]), float(up[2])),
        x_m=float(place[0]),
        y_m=float(place[1]),
        yaw_rad=math.atan2(float(forward[1]), float(forward[0])),
    )


class TfPose:
    """The camera's pose by TF. Never waits: a transform that is missing when an image is answered is an error."""

    def __init__(self, node: Node) -> None:
        """Start listening to /tf and /tf_static; once per node, however often it is configured."""
        self._missing = ""
        try:
            import tf2_ros
        except ImportError as error:
            self._missing = f"use_tf needs tf2_ros, which does not import ({error}): install it, or give camera_height"
            return
        if not hasattr(node, _LISTENER):
            buffer = tf2_ros.Buffer()
            setattr(node, _LISTENER, (buffer, tf2_ros.TransformListener(buffer, node)))
        self._buffer, _ = getattr(node, _LISTENER)
        self._too_early, self._failure = tf2_ros.ExtrapolationException, tf2_ros.TransformException

    def at(self, header: Header, base_frame: str) -> CameraPose:
        """The pose of header.frame_id in base_frame at header.stamp, or the last one if at most MAX_LAG_NS older.

        Raises GeometryError(NO_POSE) where TF does not know it.
        """
        if self._missing:
            raise GeometryError(Reason.NO_POSE, self._missing)
        if not header.frame_id:
            raise GeometryError(Reason.NO_POSE, "the image's frame_id is empty: have the camera driver set it")
        try:
            found = self._lookup(header, base_frame)
        except self._failure as error:
            raise GeometryError(Reason.NO_POSE, f"TF: {error}") from error
        t, r = found.transform.translation, found.transform.rotation
        return from_transform((t.x, t.y, t.z), (r.x, r.y, r.z, r.w))

    def _lookup(self, header: Header, base_frame: str) -> Any:
        """A TransformStamped. The joint states of a camera that tilts may arrive after its image."""
        try:
            return self._buffer.lookup_transform(base_frame, header.frame_id, Time.from_msg(header.stamp))
        except self._too_early:
            last = self._buffer.lookup_transform(base_frame, header.frame_id, Time())
            if not 0 <= stamp_ns(header.stamp) - stamp_ns(last.header.stamp) <= MAX_LAG_NS:
                raise
            return last
