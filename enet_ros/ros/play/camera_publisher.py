"""A camera made of pictures: publishes them as a driver does, with calibration and, if wanted, the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from enet_ros.camera import CameraIntrinsics
from enet_ros.errors import ConfigError
from enet_ros.messages import camera_info
from enet_ros.ros import qos
from enet_ros.ros.messages import to_bytes, to_image, to_message, to_stamp

ENCODINGS: dict[str, int | None] = {"rgb8": None, "bgr8": cv2.COLOR_RGB2BGR, "mono8": cv2.COLOR_RGB2GRAY}
COMPRESSED = ("jpeg", "png")
CLOCK_S = 0.01
"""Between two messages on /clock."""


class Look(NamedTuple):
    """How the camera publishes. encoding: of ENCODINGS, or of COMPRESSED for image_raw/compressed."""

    encoding: str = "rgb8"
    frame_id: str = "camera_optical_frame"
    reliability: str = "best_effort"
    depth: int = 1
    clock: bool = False


class CameraPublisher:
    """Publishers on `image_raw` (or `image_raw/compressed`), `camera_info` and `/clock` of a node."""

    def __init__(self, node: Node, look: Look, calibration: CameraIntrinsics | None) -> None:
        if look.encoding not in (*ENCODINGS, *COMPRESSED):
            raise ConfigError(f"encoding {look.encoding!r}: use one of {', '.join((*ENCODINGS, *COMPRESSED))}")
        self._look = look
        self._calibration = calibration
        profile = qos.keep_last(look.depth, look.reliability)
        compressed = look.encoding in COMPRESSED
        kind, topic = (CompressedImage, "image_raw/compressed") if compressed else (Image, "image_raw")
        self._node = node
        self._image = node.create_publisher(kind, topic, profile)
        self._info = node.create_publisher(CameraInfo, "camera_info", qos.keep_last(look.depth, look.reliability))
        self._clock = node.create_publisher(Clock, "/clock", qos.keep_last(1, "reliable")) if look.clock else None
        self._epoch_ns = time.time_ns()

    def subscribers(self) -> int:
        """Of the images."""
        return self._image.get_subscription_count()

    def stamp_ns(self, scene_s: float) -> int:
        """The stamp of a picture: wall time, or with a clock of our own `scene_s` seconds after the start."""
        return self._epoch_ns + round(scene_s * 1e9) if self._clock is not None else time.time_ns()

    def tick(self, scene_s: float) -> None:
        """Publish /clock, where it is ours."""
        if self._clock is not None:
            self._clock.publish(Clock(clock=to_stamp(self._epoch_ns + round(scene_s * 1e9))))

    def publish(self, rgb: npt.NDArray[np.uint8], stamp_ns: int) -> None:
        """rgb: (H, W, 3) uint8."""
        header = Header(stamp=to_stamp(stamp_ns), frame_id=self._look.frame_id)
        self._info.publish(self._camera_info(header, rgb.shape[1], rgb.shape[0]))
        self._image.publish(self._message(rgb, header))

    def _message(self, rgb: npt.NDArray[np.uint8], header: Header) -> Image | CompressedImage:
        encoding = self._look.encoding
        if encoding in COMPRESSED:
            _, payload = cv2.imencode(f".{encoding}", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
            return CompressedImage(header=header, format=f"rgb8; {encoding} compressed bgr8", data=to_bytes(payload))
        code = ENCODINGS[encoding]
        return to_image(rgb if code is None else np.asarray(cv2.cvtColor(rgb, code), np.uint8), encoding, header)

    def _camera_info(self, header: Header, width: int, height: int) -> CameraInfo:
        """Without a calibration K is zero, as sensor_msgs/CameraInfo asks of an uncalibrated camera."""
        lens = self._calibration
        if lens is not None and (lens.width, lens.height) != (width, height):
            lens = None
        message: CameraInfo = to_message(camera_info(lens, height, width), header)
        return message


def wait_until(due_s: float, stopped: Callable[[], bool], tick: Callable[[], None]) -> None:
    """Sleep until the monotonic `due_s`, ticking meanwhile; returns early once stopped."""
    while not stopped() and (left_s := due_s - time.monotonic()) > 0:
        tick()
        time.sleep(min(left_s, CLOCK_S))
