"""Subscribes to a segmentation node's outputs and keeps account of what comes."""

from __future__ import annotations

import math
import queue
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import OccupancyGrid
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from enet_ros.msg import FreeSpace, Latency, SegmentationInfo
from enet_ros.ros import qos
from enet_ros.ros.messages import from_image
from enet_ros.ros.session.demo_report import DemoPage
from enet_ros.stamps import stamp_ns

STAGES = ("transport", "queue", "decode", "preprocess", "infer", "postprocess", "publish")
ENGINE_FACTS = ("runtime", "device", "precision")
QUEUE = 10
"""Messages of each topic that may wait; the collector writes files meanwhile."""

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


class Picture(NamedTuple):
    """A mask (H, W) or an overlay (H, W, 3), uint8, with its header's stamp."""

    topic: str
    stamp_ns: int
    values: npt.NDArray[np.uint8]


class Collector:
    """Collects everything a node publishes. node_topic: the segmentation node's fully qualified name."""

    def __init__(self, node: Node, node_topic: str) -> None:
        self.counts: Counter[str] = Counter()
        self.pictures: queue.SimpleQueue[Picture] = queue.SimpleQueue()
        self.latencies: list[Latency] = []
        self.page = DemoPage()
        self.info: SegmentationInfo | None = None
        self.failure = ""
        """Why a transition of the node failed, as /diagnostics tells."""
        self._name = node_topic.lstrip("/")
        profile = qos.keep_last(QUEUE, "reliable")
        for topic, kind in TOPICS.items():
            node.create_subscription(kind, f"{node_topic}/{topic}", self._receiver(topic), profile)
        node.create_subscription(SegmentationInfo, f"{node_topic}/info", self._on_info, qos.latched())

        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_status, profile)

    def _receiver(self, topic: str) -> Callable[[Any], None]:
        def on_message(message: Any) -> None:
            self.counts[topic] += 1
            if topic in ("mask", "overlay"):
                self.pictures.put(Picture(topic, stamp_ns(message.header.stamp), from_image(message)))
            elif topic == "latency":
                self.latencies.append(message)
                self.page.add_latency(message)
            elif topic == "free_space":
                self.page.record.add_free_space(message)

        return on_message

    def _on_info(self, message: SegmentationInfo) -> None:
        self.info = message

    def _on_status(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id == self._name and " failed: " in status.message:
                self.failure = status.message


def percentiles(values: list[float]) -> dict[str, float | None]:
    """{'p50', 'p99'} in ms, to the microsecond; None where nothing finite is there."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return {"p50": None, "p99": None}
    p50, p99 = np.percentile(finite, (50, 99))
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}


def summary(sent: int, collector: Collector) -> dict[str, Any]:
    """The contents of summary.json. Latencies are header stamp to published; stages are medians."""
    answered = collector.counts["mask"]
    info = collector.info
    stages = {name: percentiles([getattr(m, f"{name}_ms") for m in collector.latencies])["p50"] for name in STAGES}
    return {
        "frames_in": sent,
        "frames_out": answered,
        "dropped": sent - answered,
        "latency_ms": percentiles([message.total_ms for message in collector.latencies]),
        "stage_ms": stages,
        "engine": "" if info is None else info.engine,
        "engine_info": {name: "" if info is None else getattr(info, name) for name in ENGINE_FACTS},
        "model": "" if info is None else info.model,
    }
