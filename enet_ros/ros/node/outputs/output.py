"""An output as a row (its topic, its type, how to make a frame's message), and the publishers of all rows.

An output without a subscriber is not made. To add one, write a function `(Setup) -> list[Output]` and name it in
OUTPUTS of `enet_ros.ros.node.outputs`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from enet_ros.arrays import U8
from enet_ros.classes import ClassTable
from enet_ros.errors import EnetRosError
from enet_ros.ros import qos
from enet_ros.ros.node.losses import PublisherEventCallbacks
from enet_ros.ros.parameters import Parameters
from enet_ros.segmenter import Segmentation, stretched

T = TypeVar("T")


class OutputSilent(EnetRosError):
    """This frame has no such output, for a reason that diagnostics show; other outputs are made."""


class Setup(NamedTuple):
    """What outputs are made from, when the node is configured and whenever a parameter changes."""

    node: Node
    parameters: Parameters
    classes: ClassTable


@dataclass(frozen=True)
class Frame:
    """One answered image, as outputs see it.

    header: the image's own. camera: (h, w, 3) uint8 RGB, as it came. segmentation: labels (H, W), at the camera's or
    the network's size (parameter mask_size). calibration: the camera's last CameraInfo, or None. notes: topic -> why
    its output is published incomplete, for diagnostics; to be filled by `Output.make`.
    """

    header: Header
    camera: U8
    segmentation: Segmentation
    calibration: CameraInfo | None
    parameters: Parameters
    notes: dict[str, str] = field(default_factory=dict, compare=False)
    _made: dict[Hashable, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def picture(self) -> U8:
        """(H, W, 3) uint8 RGB, the camera's image at the labels' size."""
        height, width = self.segmentation.labels.shape
        return stretched(self.camera, (height, width))

    def once(self, make: Callable[[Frame], T]) -> T:
        """make(frame), computed once and shared by all outputs that ask.

        A failure is shared as well: it is raised for every output that asks.
        """
        if make not in self._made:
            try:
                self._made[make] = (make(self), None)
            except EnetRosError as error:
                self._made[make] = (None, error)
        value, failure = self._made[make]
        if failure is not None:
            raise failure
        return value  # type: ignore[no-any-return]


def if_gated(parameters: Parameters) -> bool:
    """For `Output.needs_confidence`: where pixels below min_confidence count as unknown."""
    return parameters.min_confidence > 0


@dataclass(frozen=True)
class Output:
    """One row.

    topic: relative, '~/mask'. type: message class. make: the frame's message; raises OutputSilent where there is none.
    qos: None takes that of the parameters. needs_confidence: whether `make` reads `segmentation.confidence`.
    """

    topic: str
    type: type
    make: Callable[[Frame], Any]
    qos: QoSProfile | None = None
    needs_confidence: Callable[[Parameters], bool] = lambda parameters: False


class Spent(NamedTuple):
    """Nanoseconds spent on making the outputs' messages and on publishing them."""

    make_ns: int
    publish_ns: int


def create(node: Node, kind: type, topic: str, profile: QoSProfile) -> Publisher[Any]:
    """A publisher that can be destroyed at any time."""
    events, overrides = PublisherEventCallbacks(use_default_callbacks=False), qos.overrides()
    return node.create_publisher(kind, topic, profile, event_callbacks=events, qos_overriding_options=overrides)


class OutputPublishers:
    """Publishers of outputs. `publish` is for one thread; the other methods may be called from any."""

    def __init__(
        self, node: Node, outputs: Iterable[Output], profile: QoSProfile, before: OutputPublishers | None = None
    ) -> None:
        """profile: of outputs that have none of their own. before: the same node's, whose publishers are taken over.

        Raises whatever rclpy raises for a topic that may not be published, with none of the others opened.
        """
        self._node = node
        had = {} if before is None else {output.topic: publisher for output, publisher in before._rows}
        self._rows: list[tuple[Output, Publisher[Any]]] = []
        try:
            for output in outputs:
                made = had.get(output.topic) or create(node, output.type, output.topic, output.qos or profile)
                self._rows.append((output, made))
        except Exception:
            for publisher in self.publishers() - set(had.values()):
                node.destroy_publisher(publisher)
            raise
        self.problems: dict[str, str] = {}
        """Topic -> why the last frame had no such output, or not all of it."""

    def wanted(self) -> list[Output]:
        """The outputs with a subscriber."""
        return [output for output, publisher in self._rows if publisher.get_subscription_count() > 0]

    def publish(self, frame: Frame, wanted: list[Output]) -> Spent:
        """Make and publish the wanted outputs; one that cannot be made is left out and noted in `problems`."""
        make_ns = publish_ns = 0
        failed = {}
        for output, publisher in self._rows:
            if output not in wanted:
                continue
            started = time.monotonic_ns()
            try:
                message = output.make(frame)
            except EnetRosError as error:
                failed[output.topic] = str(error)
                continue
            made = time.monotonic_ns()
            publisher.publish(message)
            make_ns += made - started
            publish_ns += time.monotonic_ns() - made
        self.problems = failed | frame.notes
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

    def publishers(self) -> set[Publisher[Any]]:
        """All of them."""
        return {publisher for _, publisher in self._rows}
