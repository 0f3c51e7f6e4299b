"""Subscribes to a segmentation node's outputs and keeps account of what comes."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import OccupancyGrid
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from enet_ros.msg import FreeSpace, Latency, SegmentationInfo
from enet_ros.ros import qos
from enet_ros.ros.session.run_record import RunRecord
from enet_ros.stamps import cdr_stamp_ns

PICTURES = ("mask", "overlay")
TOPICS: dict[str, type] = {
    "mask": Image,
    "confidence": Image,
    "color": Image,
    "overlay": Image,
    "masks/drivable": Image,
    "camera_info": CameraInfo,
    "free_space": FreeSpace,
    "obstacle_points": PointCloud2,
    "occupancy_grid": OccupancyGrid,
    "run_length": Image,
    "latency": Latency,
}
_DEPTH = {"reliable": 10, "best_effort": 100}
"""Messages of each topic that may wait; the session writes files meanwhile."""


class Picture(NamedTuple):
    """A serialized sensor_msgs/Image of the topic `mask` or `overlay`. arrived_ns: by the monotonic clock."""

    topic: str
    stamp_ns: int
    arrived_ns: int
    cdr: bytes


class Collector:
    """What a node says. `pictures` fills with its masks and overlays, `record` with latencies and free space."""

    def __init__(self, node: Node, target: str, topics: Collection[str], reliability: str) -> None:
        """target: the segmentation node's full name. topics: of TOPICS; those that are not kept are still computed.

        reliability: 'best_effort' hears every publisher, 'reliable' those that are reliable, and loses nothing.
        """
        self.pictures: queue.SimpleQueue[Picture] = queue.SimpleQueue()
        self.record = RunRecord()
        self.info: SegmentationInfo | None = None
        self.failure = ""
        """Why a transition of the node failed, as /diagnostics tells."""
        self.last_ns = 0
        """When the latest picture came, by the monotonic clock."""
        self._name = target.lstrip("/")
        profile = qos.keep_last(_DEPTH[reliability], reliability)
        parsed = {"latency": self.record.add_latency, "free_space": self.record.add_free_space}
        for topic in topics:
            receive: Callable[[Any], None] = parsed.get(topic) or self._receiver(topic)
            node.create_subscription(TOPICS[topic], f"{target}/{topic}", receive, profile, raw=topic not in parsed)
        node.create_subscription(SegmentationInfo, f"{target}/info", self._on_info, qos.latched())
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_status, qos.keep_last(10, "reliable"))

    def _receiver(self, topic: str) -> Callable[[bytes], None]:
        def keep(cdr: bytes) -> None:
            self.last_ns = time.monotonic_ns()
            self.pictures.put(Picture(topic, cdr_stamp_ns(cdr), self.last_ns, cdr))

        return keep if topic in PICTURES else lambda cdr: None

    def _on_info(self, message: SegmentationInfo) -> None:
        self.info = message

    def _on_status(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id == self._name and " failed: " in status.message:
                self.failure = status.message
