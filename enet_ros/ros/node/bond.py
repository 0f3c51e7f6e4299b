"""The bond by which Nav2's lifecycle manager notices that an active node is gone.

The node's side of bond_core's protocol, as nav2::LifecycleNode has it: messages bond/Status on the topic `bond` of the
node's namespace, with the node's name as id. The messages come with Nav2; without them there is no bond.
"""

from __future__ import annotations

import uuid
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from enet_ros.ros import qos
from enet_ros.ros.node.losses import PublisherEventCallbacks, SubscriptionEventCallbacks

TIMEOUT_S = 4.0
"""What the other side is told of its patience; Nav2's manager goes by its own `bond_timeout`."""


def status_type() -> Any | None:
    """bond/Status, or None where the package bond is not installed."""
    try:
        from bond.msg import Status
    except ImportError:
        return None
    return Status


class Bond:
    """Says that the node lives, from `form` to `end`. The node goes on where the other side is gone."""

    def __init__(self, node: Node, period_s: float, group: CallbackGroup) -> None:
        """period_s: of the calls of `beat`."""
        self._node = node
        self._period_s = period_s
        self._instance = self._sister = ""
        self._own: set[str] = set()
        self._type = status_type()
        if self._type is None:
            return
        quiet = PublisherEventCallbacks(use_default_callbacks=False)
        self._publisher = node.create_publisher(
            self._type, "bond", qos.keep_last(5, "reliable"), event_callbacks=quiet, callback_group=group
        )
        deaf = SubscriptionEventCallbacks(use_default_callbacks=False)
        self._subscription = node.create_subscription(
            self._type, "bond", self._hear, qos.keep_last(100, "reliable"), event_callbacks=deaf, callback_group=group
        )

    def form(self) -> None:
        """Begin one, by a new instance: whoever has seen the last one end takes it for another."""
        self._instance, self._sister = str(uuid.uuid4()), ""
        self._own.add(self._instance)
        self.beat()

    def beat(self) -> None:
        """Say so again, if there is one; to be called periodically, more often than the other side's patience."""
        self._say(True)

    def end(self) -> None:
        """Say that it ends on purpose."""
        self._say(False)
        self._instance = ""

    def _hear(self, status: Any) -> None:
        """The other side's word that it ends is answered, for which it waits.

        As in bondcpp, the other side is the first that says it lives; what we said of an earlier bond comes back, too.
        """
        if status.id != self._node.get_name() or status.instance_id in self._own:
            return
        if status.active:
            self._sister = self._sister or status.instance_id
        elif status.instance_id == self._sister:
            self.end()

    def _say(self, active: bool) -> None:
        if self._type is None or not self._instance:
            return
        status = self._type(id=self._node.get_name(), instance_id=self._instance, active=active)
        status.header.stamp = self._node.get_clock().now().to_msg()
        status.heartbeat_timeout, status.heartbeat_period = TIMEOUT_S, self._period_s
        self._publisher.publish(status)
