"""A bag's messages on their topics, byte for byte."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rosbags.interfaces import QosDurability

from enet_ros.bags.messages import COMPRESSED, IMAGE, IMAGE_TYPES, is_todays, raw_image_cdr
from enet_ros.bags.reader import BagMessage, BagReader, Topic
from enet_ros.errors import BagError, EnetRosError
from enet_ros.ros import qos
from enet_ros.ros.play.player import Item, PlayClock
from enet_ros.stamps import cdr_stamp_ns, with_cdr_stamp


@dataclass(frozen=True)
class BagOptions:
    """topics: only these, None for all but `exclude`. remap: bag topic -> topic.

    decompress: topics of compressed images that are published raw, under their names without /compressed.
    depth: messages kept by each publisher. restamp: header stamps become the time of playing.
    """

    topics: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    remap: dict[str, str] = field(default_factory=dict)
    depth: int = 10
    restamp: bool = False
    decompress: tuple[str, ...] = ()


class _Channel(NamedTuple):
    publisher: Publisher[Any]
    stamped: bool


class BagFeed:
    """The messages of an open bag, each due at the time at which it was recorded."""

    def __init__(
        self,
        node: Node,
        reader: BagReader,
        options: BagOptions,
        sent: Callable[[BagMessage], None] = lambda message: None,
        heard: str = "",
    ) -> None:
        """Create the publishers; `skipped` has the topics whose types are not installed as they were recorded.

        sent: called just before each message goes out. heard: the topic that has to have a subscriber; without it any
        image, or any topic where the bag has no image. Raises BagError where nothing is left to publish.
        """
        self.start_ns = reader.start_ns
        self.skipped: list[str] = []
        self._reader, self._options, self._sent = reader, options, sent
        chosen = _chosen(reader, options)
        self._channels = {topic.name: made for topic in chosen if (made := self._channel(node, topic)) is not None}
        if not self._channels:
            unknown = f"; the types of {', '.join(self.skipped)} are not installed here" if self.skipped else ""
            raise BagError(f"{reader.path} has nothing to play{unknown}: see `enet_ros bag info {reader.path}`")
        images = {name for name in self._channels if reader.topic(name).type in IMAGE_TYPES}
        wanted = ({heard} if heard else images) or self._channels.keys()
        self._heard = [channel for name, channel in self._channels.items() if name in wanted]

    def has_listener(self) -> bool:
        """Whether anybody subscribes to what matters."""
        return any(channel.publisher.get_subscription_count() for channel in self._heard)

    def items(self, clock: PlayClock) -> Iterator[Item]:
        """The messages. Raises BagError where the bag is damaged."""
        for message in self._reader.messages(tuple(self._channels)):
            yield Item(message.log_ns, partial(self._send, message, clock))

    def _send(self, message: BagMessage, clock: PlayClock) -> None:
        channel = self._channels[message.topic]
        data = message.data
        if channel.stamped and self._options.restamp:
            data = with_cdr_stamp(data, clock.restamped_ns(cdr_stamp_ns(data)))
        if message.topic in self._options.decompress:
            try:
                data = bytes(raw_image_cdr(data))
            except EnetRosError as error:
                raise BagError(f"{message.place}: {error}") from error
        self._sent(message)
        channel.publisher.publish(data)

    def _channel(self, node: Node, topic: Topic) -> _Channel | None:
        decompress = topic.name in self._options.decompress
        if decompress and topic.type != COMPRESSED:
            raise BagError(f"topic {topic.name} is of type {topic.type}, not {COMPRESSED}: it cannot be decompressed")
        message_class = message_type(IMAGE if decompress else topic.type)
        if message_class is None:
            self.skipped.append(f"{topic.name} [{topic.type}]")
            return None
        first = (message.data for message in self._reader.messages((topic.name,)))
        if topic.type.startswith("enet_ros/") and not is_todays(topic.connection, first):
            self.skipped.append(f"{topic.name} [{topic.type}, recorded with other fields]")
            return None
        plain = topic.name.removesuffix("/compressed") if decompress else topic.name
        name = self._options.remap.get(topic.name, plain)
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


def _chosen(reader: BagReader, options: BagOptions) -> list[Topic]:
    for name in (*(options.topics or ()), *options.exclude, *options.remap, *options.decompress):
        reader.topic(name)  # a misspelt name is an error
    wanted = set(options.topics) if options.topics is not None else {topic.name for topic in reader.topics}
    return [t for t in reader.topics if t.name in wanted - set(options.exclude)]


def _profile(topic: Topic, depth: int) -> QoSProfile:
    """Reliable, which every subscriber accepts; transient local where it was recorded from such a publisher."""
    offered: Any = topic.connection.ext
    latched = any(q.durability == QosDurability.TRANSIENT_LOCAL for q in offered.offered_qos_profiles)
    return qos.keep_last(depth, "reliable", "transient_local" if latched else "volatile")
