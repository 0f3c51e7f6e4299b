"""A bag's messages on their topics, byte for byte, at their time."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import QosDurability
from rosgraph_msgs.msg import Clock

from enet_ros.bags.reader import BagMessage, BagReader, Topic
from enet_ros.bags.types import IMAGE_TYPES
from enet_ros.errors import BagError
from enet_ros.ros.messages import to_stamp
from enet_ros.ros.play.play_clock import PlayClock
from enet_ros.stamps import NS, cdr_stamp_ns, with_cdr_stamp


@dataclass(frozen=True)
class PlaybackOptions:
    """rate: speed, 1 as recorded. clock_hz: of /clock, 0 for none. topics: only these, None for all but `exclude`.

    remap: bag topic -> topic. depth: messages kept by each publisher. restamp: header stamps become time of playing.
    """

    rate: float = 1.0
    loop: bool = False
    paused: bool = False
    clock_hz: float = 0.0
    restamp: bool = False
    depth: int = 10
    topics: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    remap: dict[str, str] = field(default_factory=dict)


class PlaybackReport(NamedTuple):
    """messages: published. latest_s: how far behind its time the latest of them went out."""

    messages: int
    latest_s: float


class _Channel(NamedTuple):
    publisher: Publisher[Any]
    stamped: bool


class Playback:
    """Publishes with a node's publishers from the thread that calls `run`; the node need not be spun."""

    def __init__(self, node: Node, reader: BagReader, options: PlaybackOptions) -> None:
        """Create the publishers. BagError where nothing is left to publish; `skipped` has topics of unknown types."""
        self.clock = PlayClock(options.rate, options.paused)
        self.skipped: list[str] = []
        self._reader = reader
        self._options = options
        self._channels = {t.name: c for t in _chosen(reader, options) if (c := self._channel(node, t)) is not None}
        if not self._channels:
            unknown = f"; the types of {', '.join(self.skipped)} are not installed here" if self.skipped else ""
            raise BagError(f"{reader.path} has nothing to play{unknown}: see `enet_ros bag info {reader.path}`")
        self._clock_topic = node.create_publisher(Clock, "/clock", 10) if options.clock_hz else None
        self._next_tick = 0.0

    def wait_for_subscribers(self, timeout_s: float, stop: threading.Event) -> bool:
        """Wait until somebody listens to an image (to any topic, where there is none); False if nobody came."""
        images = [c for name, c in self._channels.items() if self._reader.topic(name).type in IMAGE_TYPES]
        end = time.monotonic() + timeout_s
        while time.monotonic() < end and not stop.is_set():
            if any(c.publisher.get_subscription_count() for c in images or self._channels.values()):
                return True
            time.sleep(0.02)
        return False

    def run(self, stop: threading.Event, sent: Callable[[BagMessage], None] = lambda message: None) -> PlaybackReport:
        """Play to the end, or until `stop`. `sent` is called just before each message goes out. Raises BagError."""
        report = PlaybackReport(0, 0.0)
        while not stop.is_set():
            report = self._once(stop, sent, report)
            if not self._options.loop:
                break
        return report

    def _once(
        self, stop: threading.Event, sent: Callable[[BagMessage], None], report: PlaybackReport
    ) -> PlaybackReport:
        messages, latest_s = report
        for number, message in enumerate(self._reader.messages(tuple(self._channels))):
            if number == 0:
                self.clock.restart(message.log_ns)
            self.clock.wait_until(message.log_ns, stop, self._tick)
            if stop.is_set():
                break
            channel = self._channels[message.topic]
            data = message.data
            if channel.stamped and self._options.restamp:
                data = with_cdr_stamp(data, self.clock.restamped_ns(cdr_stamp_ns(data)))
            sent(message)
            channel.publisher.publish(data)
            latest_s = max(latest_s, (self.clock.now_ns() - message.log_ns) / self._options.rate / NS)
            messages += 1
        return PlaybackReport(messages, latest_s)

    def _tick(self) -> float:
        """Publish /clock if it is time; seconds until it will be."""
        if self._clock_topic is None:
            return 1.0
        now = time.monotonic()
        if now >= self._next_tick:
            self._clock_topic.publish(Clock(clock=to_stamp(self.clock.now_ns())))
            self._next_tick = now + 1 / self._options.clock_hz
        return self._next_tick - now

    def _channel(self, node: Node, topic: Topic) -> _Channel | None:
        message_class = message_type(topic.type)
        if message_class is None:
            self.skipped.append(f"{topic.name} [{topic.type}]")
            return None
        name = self._options.remap.get(topic.name, topic.name)
        publisher = node.create_publisher(message_class, name, _profile(topic, self._options.depth))
        fields = message_class.get_fields_and_field_types()
        return _Channel(publisher, next(iter(fields.values()), "") == "std_msgs/Header")


def message_type(name: str) -> Any | None:
    """The rclpy class of `sensor_msgs/msg/Image`, or None where its package is not installed."""
    package, _, base = name.partition("/msg/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), base, None)
    except ImportError:
        return None


def _chosen(reader: BagReader, options: PlaybackOptions) -> list[Topic]:
    for name in (*(options.topics or ()), *options.exclude, *options.remap):
        reader.topic(name)  # a misspelt name is an error
    wanted = set(options.topics) if options.topics is not None else {topic.name for topic in reader.topics}
    return [t for t in reader.topics if t.name in wanted - set(options.exclude)]


def _profile(topic: Topic, depth: int) -> QoSProfile:
    """Reliable, which every subscriber accepts; transient local where it was recorded from such a publisher."""
    offered: Any = topic.connection.ext
    latched = any(q.durability == QosDurability.TRANSIENT_LOCAL for q in offered.offered_qos_profiles)
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )
