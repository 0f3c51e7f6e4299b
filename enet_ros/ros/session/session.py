"""A run of a segmentation node against what a player sends: send, collect, pair by stamp."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import OccupancyGrid
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from enet_ros.errors import EnetRosError
from enet_ros.msg import FreeSpace, Latency, SegmentationInfo
from enet_ros.ros import qos
from enet_ros.ros.play.player import Player
from enet_ros.ros.session.record import RunRecord, Sent
from enet_ros.stamps import NS, cdr_stamp_ns

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
_POLL_S = 0.05
_GRACE_S = 5.0
"""Between SIGINT and SIGKILL."""


class NodeError(EnetRosError):
    """The segmentation node is not there, or not active."""


class Picture(NamedTuple):
    """A serialized sensor_msgs/Image of the topic `mask` or `overlay`. arrived_ns: by the monotonic clock."""

    topic: str
    stamp_ns: int
    arrived_ns: int
    cdr: bytes


@contextmanager
def node_process(
    parameters: Mapping[str, object], remappings: Mapping[str, str], log: IO[str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A segmentation node in a process of its own, which ends with the block, whatever happens.

    remappings: {from: to}, those of its name and namespace (__node, __ns) too. log: for what it prints, by default
    our own output.
    """
    arguments = [sys.executable, "-m", "enet_ros.ros.node.main", "--ros-args"]
    for flag, pairs in (("-r", remappings), ("-p", parameters)):
        arguments += [part for name, value in pairs.items() for part in (flag, f"{name}:={value}")]
    # In a session of its own, so that Ctrl-C reaches this process first.
    with subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True, start_new_session=True
    ) as child:
        try:
            yield child
        finally:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                child.kill()


class Session:
    """One run: `record` fills with what was sent and what the node says; `play` passes its pictures on."""

    def __init__(
        self, node: Node, target: str, topics: Collection[str], reliability: str, stop: threading.Event
    ) -> None:
        """Subscribe to the outputs of a segmentation node.

        node: publishes and listens, and is spun elsewhere. target: the segmentation node's full name. topics: of
        TOPICS; those that are not kept are still computed. reliability: 'best_effort' hears every publisher, 'reliable'
        those that are reliable, and loses nothing. stop: ends the run.
        """
        self.record = RunRecord()
        self._target, self._topics, self._stop = target, topics, stop
        self._pictures: queue.SimpleQueue[Picture] = queue.SimpleQueue()
        self._failure = ""
        self._last_ns = 0
        profile = qos.keep_last(_DEPTH[reliability], reliability)
        parsed = {"latency": self.record.add_latency, "free_space": self.record.add_free_space}
        for topic in topics:
            receive: Callable[[Any], None] = parsed.get(topic) or self._receiver(topic)
            node.create_subscription(TOPICS[topic], f"{target}/{topic}", receive, profile, raw=topic not in parsed)
        node.create_subscription(SegmentationInfo, f"{target}/info", self.record.add_info, qos.latched())
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_status, qos.keep_last(10, "reliable"))

    def note_sent(self, stamp_ns: int, name: str) -> None:
        """An image goes out at this moment: for the player's feed to call."""
        self._last_ns = time.monotonic_ns()
        self.record.sent[stamp_ns] = Sent(name, self._last_ns)

    def wait_for_node(
        self, player: Player, topic: str, timeout_s: float, child: subprocess.Popen[str] | None = None
    ) -> None:
        """Until the node has loaded its model and listens to the player's images on `topic`.

        child: the node's process, if it is ours. Raises NodeError, and KeyboardInterrupt at a signal.
        """
        end_s = time.monotonic() + timeout_s
        while self.record.info is None or not player.wait_for_listener(_POLL_S, self._stop):
            if self._stop.wait(_POLL_S):
                raise KeyboardInterrupt
            if self._failure or (child is not None and child.poll() is not None):
                raise NodeError(self._failure or f"the node {self._target} has ended before it was active")
            if time.monotonic() > end_s:
                raise NodeError(
                    f"no node {self._target} that is active and listens to {topic} within {timeout_s:g} s: start it,"
                    " with image_raw remapped to that topic, or use --start"
                )

    def play(self, player: Player, take: Callable[[Picture], None], quiet_s: float) -> None:
        """Play to the end. `take` is given what comes back, until all is answered or nothing came for `quiet_s`.

        Ends early at a signal. Raises what the feed and `take` raise.
        """
        taken: set[tuple[str, int]] = set()
        with ThreadPoolExecutor(1, "player") as pool:
            playing = pool.submit(player.run, self._stop)
            try:
                while not self._stop.is_set():
                    try:
                        picture = self._pictures.get(timeout=_POLL_S)
                    except queue.Empty:
                        quiet = (time.monotonic_ns() - self._last_ns) / NS > quiet_s
                        if playing.done() and (quiet or self._complete(taken)):
                            break
                        continue
                    take(picture)
                    taken.add((picture.topic, picture.stamp_ns))
            except BaseException:
                self._stop.set()  # the player too
                raise
        playing.result()

    def _complete(self, taken: set[tuple[str, int]]) -> bool:
        """Whether every image has all its answers."""
        sent, expected = self.record.sent, [topic for topic in self._topics if topic in PICTURES]
        if not all((topic, stamp) in taken for topic in expected for stamp in sent):
            return False
        return "latency" not in self._topics or sent.keys() <= self.record.total_ms.keys()

    def _receiver(self, topic: str) -> Callable[[bytes], None]:
        def keep(cdr: bytes) -> None:
            self._last_ns = time.monotonic_ns()
            self._pictures.put(Picture(topic, cdr_stamp_ns(cdr), self._last_ns, cdr))

        return keep if topic in PICTURES else lambda cdr: None

    def _on_status(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id == self._target.lstrip("/") and " failed: " in status.message:
                self._failure = status.message
