"""What a configured node holds: the model and the publishers. Freed as a whole."""

from __future__ import annotations

from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.publisher import Publisher
from std_msgs.msg import Header

from enet_ros.messages import segmentation_info
from enet_ros.msg import Latency, SegmentationInfo
from enet_ros.ros import qos
from enet_ros.ros.messages import to_message
from enet_ros.ros.node import info
from enet_ros.ros.node.engine import LoadedModel
from enet_ros.ros.node.outputs.publishers import OutputPublishers, create
from enet_ros.ros.node.outputs.row import Setup
from enet_ros.ros.node.outputs.table import outputs
from enet_ros.ros.parameters import Parameters, parse_groups


class Configured:
    """Made by configure, closed by cleanup. Raises EnetRosError, with everything freed, where a part cannot be made."""

    def __init__(self, node: LifecycleNode, parameters: Parameters) -> None:
        self._node = node
        self._latched: list[Publisher[Any]] = []
        self.parameters = parameters
        self.model = LoadedModel(parameters, node.get_logger())
        try:
            rows = outputs(Setup(node, parameters, self.model.card.classes))
            self.outputs = OutputPublishers(node, rows, parameters)
        except Exception:
            self.model.close()
            raise
        self._latency = create(node, Latency, "~/latency", qos.output(parameters))
        self._latched.append(create(node, SegmentationInfo, "~/info", qos.latched()))
        if label_info := info.label_info_type():
            self._latched.append(create(node, label_info, "~/label_info", qos.latched()))

    def announce(self) -> None:
        """Say what the ids mean, for whoever comes and whoever is there."""
        now = self._node.get_clock().now().to_msg()
        card, engine = self.model.card, self.model.engine.info
        groups = tuple(parse_groups(self.parameters.mask_groups))
        self._latched[0].publish(to_message(segmentation_info(card, engine, groups), Header(stamp=now)))
        for publisher in self._latched[1:]:
            publisher.publish(info.label_info(now, card.classes))

    def publish_latency(self, message: Latency) -> None:
        """After the outputs of a frame."""
        self._latency.publish(message)

    def consumers(self) -> tuple[str, ...]:
        """Topics for which a camera image is needed."""
        topics = tuple(output.topic for output in self.outputs.wanted())
        return topics + (("~/latency",) if self._latency.get_subscription_count() else ())

    def about(self) -> tuple[tuple[str, str], ...]:
        """Lines for diagnostics."""
        return info.about(self.model.card, self.model.engine.info)

    def close(self) -> None:
        """Free the model and end the topics."""
        self.outputs.destroy()
        for publisher in (self._latency, *self._latched):
            self._node.destroy_publisher(publisher)
        self.model.close()
