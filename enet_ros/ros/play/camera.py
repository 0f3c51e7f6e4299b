"""A source of frames as a camera: published as a driver does it, with calibration."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from enet_ros import messages
from enet_ros.arrays import U8
from enet_ros.camera import CameraIntrinsics
from enet_ros.errors import ConfigError
from enet_ros.frames import Frame, Source
from enet_ros.msg import Latency
from enet_ros.ros import qos
from enet_ros.ros.messages import to_image, to_message, to_stamp
from enet_ros.ros.play.player import Item, PlayClock
from enet_ros.stamps import NS, stamp_ns

ENCODINGS: dict[str, int | None] = {"rgb8": None, "bgr8": cv2.COLOR_RGB2BGR, "mono8": cv2.COLOR_RGB2GRAY}
COMPRESSED = ("jpeg", "png")
_JPEG_QUALITY = 95
"""The default of image_transport's plugin."""
ANSWER_S = 20.0
"""Longest wait for an answer before the next image goes out anyway."""


class Look(NamedTuple):
    """How the camera publishes.

    encoding: of ENCODINGS, or of COMPRESSED for image_raw/compressed. fov_rad: horizontal field of view of an ideal
    camera, whose calibration takes the place of the source's; 0 for the source's.
    """

    encoding: str = "rgb8"
    frame_id: str = "camera_optical_frame"
    reliability: str = "best_effort"
    depth: int = 1
    fov_rad: float = 0.0


class CameraFeed:
    """Publishes a source on `image_raw` (or `image_raw/compressed`) and `camera_info` of a node, `rate_hz` a second.

    Images are stamped with the time of sending or, if `simulated`, with the recorded time that goes out on /clock. If
    the source cannot keep up, recorded time waits for it. A live source's images keep their stamps and go out at once.
    """

    def __init__(
        self,
        node: Node,
        source: Source,
        look: Look,
        rate_hz: float,
        *,
        simulated: bool = False,
        sent: Callable[[int, str], None] = lambda stamp_ns, name: None,
        answers: Answers | None = None,
    ) -> None:
        """sent: called with stamp and name of each image just before it goes out. answers: what each waits for.

        Raises ConfigError for an unknown encoding.
        """
        if look.encoding not in (*ENCODINGS, *COMPRESSED):
            raise ConfigError(f"encoding {look.encoding!r}: use one of {', '.join((*ENCODINGS, *COMPRESSED))}")
        profile = qos.keep_last(look.depth, look.reliability)
        compressed = look.encoding in COMPRESSED
        kind, topic = (CompressedImage, "image_raw/compressed") if compressed else (Image, "image_raw")
        self._image = node.create_publisher(kind, topic, profile)
        self._info = node.create_publisher(CameraInfo, "camera_info", qos.keep_last(look.depth, look.reliability))
        self._source, self._look, self._simulated = source, look, simulated
        self._sent, self._answers = sent, answers
        self._period_ns = round(NS / rate_hz)
        self._next_ns = self.start_ns = time.time_ns()

    def has_listener(self) -> bool:
        """Whether anybody subscribes to the images."""
        return self._image.get_subscription_count() > 0

    def items(self, clock: PlayClock) -> Iterator[Item]:
        """The frames; those of the next round follow those of this one."""
        for frame in self._source:
            if self._source.live:  # at once: waiting would make it old
                yield Item(self.start_ns, partial(self._send, frame))
                continue
            yield Item(self._next_ns, partial(self._send, frame))
            self._next_ns += self._period_ns
            clock.hold(self._next_ns)

    def _send(self, frame: Frame) -> None:
        stamp = self._next_ns if self._simulated else time.time_ns()
        if self._source.live:
            stamp = frame.stamp_ns
        self._sent(stamp, frame.name)
        header = Header(stamp=to_stamp(stamp), frame_id=self._look.frame_id)
        height, width = frame.rgb.shape[:2]
        fov = self._look.fov_rad
        lens = CameraIntrinsics.from_fov(width, height, fov) if fov else self._source.calibration
        self._info.publish(_camera_info(lens, header, width, height))
        self._image.publish(_message(frame.rgb, self._look.encoding, header))
        if self._answers is not None:
            self._answers.wait_for(stamp)


class Answers:
    """A node's enet_ros/Latency on a topic: which images it has answered."""

    def __init__(self, node: Node, topic: str, stop: threading.Event) -> None:
        self._stop = stop
        self._condition = threading.Condition()
        self._latest_ns = 0
        node.create_subscription(Latency, topic, self._on_answer, qos.keep_last(10, "reliable"))

    def wait_for(self, stamp: int) -> None:
        """Until the image with this stamp, or a later one, is answered; for at most ANSWER_S, and not after `stop`."""
        end_s = time.monotonic() + ANSWER_S
        with self._condition:
            while self._latest_ns < stamp and time.monotonic() < end_s and not self._stop.is_set():
                self._condition.wait(0.2)

    def _on_answer(self, message: Latency) -> None:
        with self._condition:
            self._latest_ns = stamp_ns(message.header.stamp)
            self._condition.notify_all()


def _message(rgb: U8, encoding: str, header: Header) -> Image | CompressedImage:
    if encoding in COMPRESSED:
        message: CompressedImage = to_message(messages.compressed(rgb, encoding, _JPEG_QUALITY), header)
        return message
    code = ENCODINGS[encoding]
    return to_image(rgb if code is None else np.asarray(cv2.cvtColor(rgb, code), np.uint8), encoding, header)


def _camera_info(lens: CameraIntrinsics | None, header: Header, width: int, height: int) -> CameraInfo:
    """Without a calibration for this size K is zero, as sensor_msgs/CameraInfo asks of an uncalibrated camera."""
    fits = lens is not None and (lens.width, lens.height) == (width, height)
    message: CameraInfo = to_message(messages.camera_info(lens if fits else None, height, width), header)
    return message
