"""Play a labelled bag into a running node and collect its masks."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from enet_ros.bags.reader import BagMessage
from enet_ros.classes import label_map
from enet_ros.errors import EnetRosError
from enet_ros.frames.bag import LabelledBag
from enet_ros.metrics import ConfusionMatrix
from enet_ros.msg import SegmentationInfo
from enet_ros.ros.play.playback import Playback, PlaybackOptions
from enet_ros.ros.session.live_report import LiveRun, write_report
from enet_ros.ros.session.live_score import LiveScores, Masks, score
from enet_ros.ros.session.run_record import RunRecord
from enet_ros.stamps import NS, cdr_stamp_ns

_SILENCE_S = 1.0
"""After the last image: no mask for this long means that no more will come."""


class NodeError(EnetRosError):
    """The node to be measured is not there, or not active."""


@dataclass(frozen=True)
class LiveOptions:
    """node: its full name. rate: of playing. timeout_s: to wait for the node. exclude: topics not played.

    report: where to write a page; the node's ~/latency and ~/free_space are then listened to as well.
    """

    node: str = "/segmentation"
    rate: float = 1.0
    clock_hz: float = 0.0
    depth: int = 1
    timeout_s: float = 20.0
    exclude: tuple[str, ...] = ()
    report: Path | None = None


class LiveSession:
    """One measurement."""

    def __init__(self, bag: LabelledBag, names: tuple[str, ...], options: LiveOptions) -> None:
        """Create publishers and subscriptions. names: what the truth's ids mean. Raises BagError."""
        self._bag = bag
        self._truth_names = names
        self._options = options
        self._image_topic = bag.image_topic.name
        self._node = Node("evaluate_live")
        exclude = (*options.exclude, bag.truth_topic.name)
        self._playback = Playback(
            self._node,
            bag.reader,
            PlaybackOptions(rate=options.rate, clock_hz=options.clock_hz, depth=options.depth, exclude=exclude),
        )
        self._sent: dict[int, int] = {}
        self._masks = Masks()
        self._info: Any = None
        self._record = RunRecord().listen(self._node, options.node) if options.report else None
        self._last_ns = time.monotonic_ns()
        self._mask_topic = f"{options.node}/mask"
        latched = QoSProfile(
            depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
        )
        self._node.create_subscription(SegmentationInfo, f"{options.node}/info", self._on_info, latched)
        masks = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)  # which every publisher satisfies
        self._node.create_subscription(Image, self._mask_topic, self._on_mask, masks, raw=True)  # type: ignore[arg-type]
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._ended = threading.Event()
        self._spinner = threading.Thread(target=self._spin, name="answers", daemon=True)
        self._spinner.start()

    def run(self, stop: threading.Event) -> LiveScores:
        """Wait for the node, play, wait for the last answers, score. Raises NodeError, BagError, ConfigError."""
        self._wait_for_node(stop)
        to_truth = label_map(list(self._info.class_names) if self._info else [], self._truth_names)
        self._playback.run(stop, self._on_sent)
        while time.monotonic_ns() - self._last_ns < _SILENCE_S * NS and len(self._masks.arrived_ns) < len(self._sent):
            if stop.wait(0.02):
                break
        return self._scores(to_truth)

    def close(self) -> None:
        """Take everything down."""
        self._stop_listening()
        self._masks.close()
        self._executor.shutdown()
        self._node.destroy_node()

    def _stop_listening(self) -> None:
        self._ended.set()
        self._spinner.join()

    def _wait_for_node(self, stop: threading.Event) -> None:
        end = time.monotonic() + self._options.timeout_s
        while not stop.is_set():
            listens = self._node.count_subscribers(self._image_topic) > 0
            if self._info is not None and listens and self._playback.wait_for_subscribers(0.1, stop):
                return
            if time.monotonic() > end:
                break
            time.sleep(0.02)
        raise NodeError(
            f"no node {self._options.node} that is active and listens to {self._image_topic} within"
            f" {self._options.timeout_s:g} s: start it, with image_raw remapped to that topic, or use --start"
        )

    def _spin(self) -> None:
        while not self._ended.is_set():
            self._executor.spin_once(timeout_sec=0.1)

    def _on_info(self, message: Any) -> None:
        self._info = message

    def _on_mask(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self._masks.add(cdr_stamp_ns(data), now, data)
        self._last_ns = now

    def _on_sent(self, message: BagMessage) -> None:
        if message.topic == self._image_topic:
            self._last_ns = self._sent[cdr_stamp_ns(message.data)] = time.monotonic_ns()

    def _scores(self, to_truth: npt.NDArray[np.uint8]) -> LiveScores:
        """Scoring comes after playing, so that it takes no time from the node."""
        self._stop_listening()
        arrived, confusion = self._masks.arrived_ns, ConfusionMatrix(len(self._truth_names))
        latency_ms = [(arrived[stamp] - sent) / 1e6 for stamp, sent in self._sent.items() if stamp in arrived]
        if self._options.report and self._record and self._sent:
            run = LiveRun(self._bag, self._truth_names, self._masks, self._sent, to_truth, self._info, self._record)
            write_report(self._options.report, run)
        return LiveScores(
            played=len(self._sent),
            answered=len(latency_ms),
            labelled=score(self._bag, self._masks, self._sent, to_truth, confusion),
            foreign=len(arrived) - len(latency_ms),
            latency_ms=np.array(sorted(latency_ms), np.float64),
            confusion=confusion,
            names=self._truth_names,
        )
