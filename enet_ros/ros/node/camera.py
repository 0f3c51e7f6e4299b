"""The camera's subscriptions, made and undone as images are wanted."""

from __future__ import annotations

import copy
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from enet_ros.ros import qos
from enet_ros.ros.node.account import Counters
from enet_ros.ros.node.losses import PolledEvents, SequenceGaps, SubscriptionEventCallbacks, WithInfo
from enet_ros.ros.parameters import Parameters


class Arrival(NamedTuple):
    """An image as it arrived.

    monotonic_ns: for durations. ros_ns: by the node's clock, for the age of the stamp. calibration: the last one heard.
    """

    message: Image | CompressedImage
    monotonic_ns: int
    ros_ns: int
    calibration: CameraInfo | None


def image_topic(node: Node, transport: str) -> str:
    """The resolved topic of the images; image_raw/TRANSPORT follows a remapping of image_raw unless it has its own."""
    image = node.resolve_topic_name("image_raw")
    if transport == "raw":
        return image
    own = node.resolve_topic_name(f"image_raw/{transport}")
    remapped = own != node.resolve_topic_name(f"image_raw/{transport}", only_expand=True)
    return own if remapped else f"{image}/{transport}"


class CameraInput:
    """Delivers images to a function that must not block. Its own callback group keeps services from starving."""

    def __init__(
        self, node: Node, parameters: Parameters, deliver: Callable[[Arrival], None], counters: Counters
    ) -> None:
        """counters: this writes `lost` and `deadline`."""
        self._node = node
        self._parameters = parameters
        self._deliver = deliver
        self._counters = counters
        self._group: CallbackGroup = MutuallyExclusiveCallbackGroup()
        self._lock = threading.Lock()
        self._image: Subscription[Any] | None = None
        self._info: Subscription[CameraInfo] | None = None
        self._events: PolledEvents | None = None
        self._profile: QoSProfile | None = None
        self._info_asked: QoSProfile | None = None
        self._calibration: CameraInfo | None = None
        self._since_s = self._last_s = -math.inf
        self._gaps, self._numbered = SequenceGaps(), False
        self.topic = image_topic(node, parameters.image_transport)

    @property
    def subscribed(self) -> bool:
        return self._image is not None

    def refresh(self, wanted: bool) -> None:
        """Subscribe or unsubscribe as wanted, follow a publisher whose QoS changed, count what the middleware lost.

        To be called periodically: QoS events would be quicker, but an event handler that is destroyed crashes rclpy's
        EventsExecutor (ros2/rclpy#1644).
        """
        with self._lock:
            if not wanted:
                self._unsubscribe()
                return
            profile = qos.camera(self._parameters, qos.offered_on(self._node, self.topic))
            if self._image is not None and profile is not None and profile != self._profile:
                self._unsubscribe()
            if self._image is None and profile is not None:
                self._subscribe(profile)
            if self._events is not None:
                self._count_events()
                self._subscribe_info()

    def close(self) -> None:
        self.refresh(False)

    def seconds(self, now_s: float) -> tuple[float, float]:
        """(since subscribed, since the last image) by the monotonic clock; inf where neither happened."""
        return now_s - self._since_s, now_s - self._last_s

    def publishers(self) -> int:
        return self._node.count_publishers(self.topic)

    def complaints(self) -> tuple[str, ...]:
        """Why publishers of the topic are not heard."""
        image = self._image
        if image is None:
            return ()
        return tuple(qos.complaints(qos.offered_on(self._node, self.topic), [image.qos_profile]))

    def _subscribe(self, profile: QoSProfile) -> None:
        p = self._parameters
        kind = Image if p.image_transport == "raw" else CompressedImage
        overrides = qos.overrides(reliability=p.reliability != "match", durability=p.durability != "match")
        self._profile = profile
        self._since_s, self._last_s = time.monotonic(), -math.inf
        self._image = self._make(kind, self.topic, WithInfo(self._on_image), profile, overrides)
        self._events = PolledEvents(self._image, self._group)
        self._gaps, self._numbered = SequenceGaps(), False

    def _make(
        self,
        kind: type,
        topic: str,
        callback: Callable[[Any], None],
        profile: QoSProfile,
        overrides: QoSOverridingOptions,
    ) -> Subscription[Any]:
        return self._node.create_subscription(
            kind,
            topic,
            callback,
            copy.copy(profile),  # rclpy writes the overrides into it
            callback_group=self._group,
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False),
            qos_overriding_options=overrides,
        )

    def _subscribe_info(self) -> None:
        """Ask for a latched calibration where the publisher offers one, even if it starts after this node."""
        offered = qos.offered_on(self._node, self._node.resolve_topic_name("camera_info"))
        profile = qos.camera_info(offered)
        if self._info is not None:
            if not offered or profile == self._info_asked:
                return
            self._node.destroy_subscription(self._info)
        self._info_asked = profile
        overrides = qos.overrides(reliability=False, durability=False)
        self._info = self._make(CameraInfo, "camera_info", self._on_info, profile, overrides)

    def _unsubscribe(self) -> None:
        if self._events is not None:
            self._count_events()
            self._events.destroy()
        for subscription in (self._image, self._info):
            if subscription is not None:
                self._node.destroy_subscription(subscription)
        self._image = self._info = self._events = self._profile = None

    def _count_events(self) -> None:
        """Losses are not counted again where sequence numbers tell them."""
        if self._events is not None:
            lost, deadline = self._events.take()
            self._counters.lost += 0 if self._numbered else lost
            self._counters.deadline += deadline

    def _on_info(self, message: CameraInfo) -> None:
        self._calibration = message

    def _on_image(self, message: Image | CompressedImage, info: Mapping[str, Any] | None) -> None:
        monotonic_ns = time.monotonic_ns()
        self._last_s = monotonic_ns / 1e9
        ros_ns = self._node.get_clock().now().nanoseconds
        lost = self._gaps.add(info)
        self._numbered = lost is not None
        self._counters.lost += lost or 0
        self._deliver(Arrival(message, monotonic_ns, ros_ns, self._calibration))
