"""What a segmentation node says in a run: pictures as they come, latencies and free space by stamp."""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import OccupancyGrid
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from enet_ros.msg import FreeSpace, Latency, SegmentationInfo
from enet_ros.report import FreeSpaceSeries, LatencySeries
from enet_ros.ros import qos
from enet_ros.stamps import cdr_stamp_ns, stamp_ns

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
"""Messages of each topic that may wait while the session writes files."""
STAGES = ("transport", "queue", "decode", "preprocess", "infer", "postprocess", "publish")
_COLUMNS = 96
"""Directions kept of a frame's free space: more than a chart can show."""


class Picture(NamedTuple):
    """A serialized sensor_msgs/Image of the topic `mask` or `overlay`. arrived_ns: by the monotonic clock."""

    topic: str
    stamp_ns: int
    arrived_ns: int
    cdr: bytes


class RunRecord:
    """A segmentation node's ~/latency and ~/free_space by stamp, kept as small as a report needs them."""

    def __init__(self) -> None:
        self.total_ms: dict[int, float] = {}
        """From an image's stamp to its answers published, as the node measured it; by stamp."""
        self._stages: dict[int, list[float]] = {}
        self._free: dict[int, np.ndarray] = {}
        self._bearing = np.zeros(0)

    def add_latency(self, message: Any) -> None:
        """Keep an enet_ros/Latency."""
        stamp = stamp_ns(message.header.stamp)
        self.total_ms[stamp] = float(message.total_ms)
        self._stages[stamp] = [getattr(message, f"{stage}_ms") for stage in STAGES]

    def add_free_space(self, message: Any) -> None:
        """Keep the metres of an enet_ros/FreeSpace, if it has any."""
        if not len(message.range):  # no calibration: no metres
            return
        step = max(1, math.ceil(len(message.range) / _COLUMNS))
        bearing = np.asarray(message.bearing, np.float64)[::step]
        if not self._free or len(bearing) == len(self._bearing):
            # a column without an answer has no bearing in this frame, but has one in others
            known = np.isnan(self._bearing) if self._free else np.ones(len(bearing), bool)
            self._bearing = np.where(known, bearing, self._bearing) if self._free else bearing
            self._free[stamp_ns(message.header.stamp)] = np.asarray(message.range, np.float32)[::step]

    def stage_ms(self) -> dict[str, list[float]]:
        """Milliseconds of every frame by stage, NaN where unknown."""
        columns = zip(*self._stages.values(), strict=True) if self._stages else ([] for _ in STAGES)
        return {stage: list(values) for stage, values in zip(STAGES, columns, strict=True)}

    def latency(self, stamps_ns: Sequence[int], time_s: np.ndarray, total_ms: np.ndarray) -> LatencySeries:
        """The stages of the frames with these stamps, NaN for those whose enet_ros/Latency did not arrive.

        time_s, total_ms: (N,) float64 of the same frames, as the caller measured them.
        """
        unknown = [math.nan] * len(STAGES)
        stage_ms = np.array([self._stages.get(stamp, unknown) for stamp in stamps_ns], np.float64)
        return LatencySeries(time_s, total_ms, STAGES, stage_ms.reshape(len(stamps_ns), len(STAGES)))

    def free_space(self, stamps_ns: Sequence[int], time_s: np.ndarray) -> FreeSpaceSeries | None:
        """Free space of the frames with these stamps; None where the node published no metres."""
        known = np.isfinite(self._bearing)
        if not known.any():
            return None
        unknown = np.full(len(self._bearing), np.nan, np.float32)
        range_m = np.stack([self._free.get(stamp, unknown) for stamp in stamps_ns]).astype(np.float64)
        order = np.argsort(self._bearing[known])[::-1]
        return FreeSpaceSeries(time_s, self._bearing[known][order], range_m[:, known][:, order])


class Collector:
    """Subscribes to a node: `pictures` fills with its masks and overlays, `record` with latencies and free space."""

    def __init__(self, node: Node, target: str, topics: Collection[str], reliability: str) -> None:
        """target: the segmentation node's full name. topics: of TOPICS; those that are not kept are still computed.

        reliability: 'best_effort' hears every publisher, 'reliable' those that are reliable, and loses nothing.
        """
        self.pictures: queue.SimpleQueue[Picture] = queue.SimpleQueue()
        self.record = RunRecord()
        self.info: SegmentationInfo | None = None
        self.failure = ""
        """Why a transition of the node failed, from /diagnostics."""
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
