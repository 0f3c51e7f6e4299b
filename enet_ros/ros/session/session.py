"""A run of a segmentation node against what a player sends: send, collect, pair by stamp."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from rclpy.node import Node

from enet_ros.errors import EnetRosError
from enet_ros.msg import SegmentationInfo
from enet_ros.ros.play.player import Player
from enet_ros.ros.session.collector import PICTURES, Collector, Picture
from enet_ros.stamps import NS

_POLL_S = 0.05


class NodeError(EnetRosError):
    """The segmentation node is not there, or not active."""


class Sent(NamedTuple):
    """An image that was published. at_ns: when, by the monotonic clock."""

    name: str
    at_ns: int


class Session:
    """One run. `sent` has the images by stamp, in the order of sending; `answers` is what the node says."""

    def __init__(
        self, node: Node, target: str, topics: Collection[str], reliability: str, stop: threading.Event
    ) -> None:
        """node: publishes and listens, and is spun elsewhere. stop: ends the run. The others are as in `Collector`."""
        self.answers = Collector(node, target, topics, reliability)
        self.sent: dict[int, Sent] = {}
        self._target, self._topics, self._stop = target, topics, stop
        self._last_ns = 0

    @property
    def info(self) -> SegmentationInfo:
        """What the node says of itself, once `wait_for_node` has returned. Raises NodeError before."""
        if self.answers.info is None:
            raise NodeError(f"the node {self._target} has not said what it is")
        return self.answers.info

    def note_sent(self, stamp_ns: int, name: str) -> None:
        """An image goes out at this moment: for the player's feed to call."""
        self._last_ns = time.monotonic_ns()
        self.sent[stamp_ns] = Sent(name, self._last_ns)

    def wait_for_node(
        self, player: Player, topic: str, timeout_s: float, child: subprocess.Popen[str] | None = None
    ) -> None:
        """Until the node has loaded its model and listens to the player's images on `topic`.

        child: the node's process, if it is ours. Raises NodeError, and KeyboardInterrupt at a signal.
        """
        end_s = time.monotonic() + timeout_s
        while self.answers.info is None or not player.wait_for_listener(_POLL_S, self._stop):
            if self._stop.wait(_POLL_S):
                raise KeyboardInterrupt
            if self.answers.failure or (child is not None and child.poll() is not None):
                raise NodeError(self.answers.failure or f"the node {self._target} has ended before it was active")
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
                        picture = self.answers.pictures.get(timeout=_POLL_S)
                    except queue.Empty:
                        if playing.done() and (self._complete(taken) or self._silent_s() > quiet_s):
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
        expected = [topic for topic in self._topics if topic in PICTURES]
        if not all((topic, stamp) in taken for topic in expected for stamp in self.sent):
            return False
        return "latency" not in self._topics or self.sent.keys() <= self.answers.record.total_ms.keys()

    def _silent_s(self) -> float:
        """Seconds since anything was sent or came back."""
        return (time.monotonic_ns() - max(self._last_ns, self.answers.last_ns)) / NS
