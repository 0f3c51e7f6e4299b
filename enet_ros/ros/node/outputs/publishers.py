"""The table of outputs and their publishers, which exist while the node is configured and work only for subscribers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile

from enet_ros.errors import EnetRosError
from enet_ros.ros import qos
from enet_ros.ros.node.losses import no_publisher_events
from enet_ros.ros.node.outputs import pictures, planning
from enet_ros.ros.node.outputs.row import Frame, Output, Setup

OUTPUTS: tuple[Callable[[Setup], list[Output]], ...] = (pictures.outputs, planning.outputs)
"""In the order in which a frame's outputs are made."""


class Spent(NamedTuple):
    """Nanoseconds spent on making the outputs' messages and on publishing them."""

    make_ns: int
    publish_ns: int


def create(node: Node, kind: type, topic: str, profile: QoSProfile) -> Publisher[Any]:
    """A publisher that can be destroyed at any time."""
    return node.create_publisher(
        kind,
        topic,
        profile,
        event_callbacks=no_publisher_events(),
        qos_overriding_options=qos.overrides(),
    )


class OutputPublishers:
    """Publishers of every output. `publish` is for one thread; the other methods may be called from any."""

    def __init__(self, setup: Setup) -> None:
        """Raises ConfigError where a parameter does not fit the model's classes."""
        outputs = [output for make in OUTPUTS for output in make(setup)]
        self._node = setup.node
        self._rows: list[tuple[Output, Publisher[Any]]] = []
        self.problems: dict[str, str] = {}
        """Topic -> why the last frame had no such output, or not all of it."""
        for output in outputs:
            profile = output.qos or qos.output(setup.parameters)
            self._rows.append((output, create(setup.node, output.type, output.topic, profile)))

    def wanted(self) -> list[Output]:
        """The outputs with a subscriber."""
        return [output for output, publisher in self._rows if publisher.get_subscription_count() > 0]

    def publish(self, frame: Frame, wanted: list[Output]) -> Spent:
        """Make and publish the wanted outputs; one that cannot be made is left out and noted in `problems`."""
        make_ns = publish_ns = 0
        for output, publisher in self._rows:
            if output not in wanted:
                self.problems.pop(output.topic, None)
                continue
            started = time.monotonic_ns()
            try:
                message = output.make(frame)
            except EnetRosError as error:
                self.problems[output.topic] = str(error)
                continue
            made = time.monotonic_ns()
            publisher.publish(message)
            if output.topic in frame.notes:
                self.problems[output.topic] = frame.notes[output.topic]
            else:
                self.problems.pop(output.topic, None)
            make_ns += made - started
            publish_ns += time.monotonic_ns() - made
        return Spent(make_ns, publish_ns)

    def complaints(self) -> list[tuple[str, str]]:
        """(topic, reason) of subscriptions that receive nothing because their QoS does not fit."""
        found = []
        for output, publisher in self._rows:
            asked = self._node.get_subscriptions_info_by_topic(publisher.topic_name)
            if len(asked) > publisher.get_subscription_count():
                reasons = qos.complaints([publisher.qos_profile], [info.qos_profile for info in asked])
                found += [(output.topic, f"a subscriber's QoS does not fit: {reason}") for reason in reasons]
        return found

    def destroy(self) -> None:
        """End the topics."""
        for _, publisher in self._rows:
            self._node.destroy_publisher(publisher)
        self._rows.clear()
