"""What a configured node holds: a loaded network, the outputs made of its answers, and the parameters of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.publisher import Publisher
from std_msgs.msg import Header

from enet_ros.messages import segmentation_info
from enet_ros.msg import Latency, SegmentationInfo
from enet_ros.ros import qos
from enet_ros.ros.messages import label_info, label_info_type, to_message
from enet_ros.ros.node.network import Network
from enet_ros.ros.node.outputs import OutputPublishers, Setup, create, outputs
from enet_ros.ros.parameters import Parameters, parse_groups
from enet_ros.segmenter import Segmenter


@dataclass(frozen=True)
class Serving:
    """What images are answered with. It never changes, but is exchanged for another between two images."""

    parameters: Parameters
    network: Network
    segmenter: Segmenter
    outputs: OutputPublishers

    def tells_as(self, other: Serving) -> bool:
        """Whether ~/info and ~/label_info say the same of both."""
        return self.network is other.network and self.parameters.mask_groups == other.parameters.mask_groups


class Configured:
    """Made by configure, closed by cleanup. Raises EnetRosError, with everything freed, where a part cannot be made."""

    def __init__(self, node: LifecycleNode, parameters: Parameters) -> None:
        self._node = node
        self._retired: list[Publisher[Any]] = []
        network = Network(parameters, node.get_logger())
        try:
            self.serving = self._asked = self._serving(parameters, network, None)
            self.latency = create(node, Latency, "~/latency", qos.output(parameters))
            self._latched = [create(node, SegmentationInfo, "~/info", qos.latched())]
            if kind := label_info_type():
                self._latched.append(create(node, kind, "~/label_info", qos.latched()))
        except Exception:
            network.close()
            raise

    def asked(self, parameters: Parameters) -> Serving:
        """What takes the place of the last one asked for, once it is given to `exchange`.

        Raises ConfigError, with nothing changed, for parameters that do not fit the network's classes.
        """
        self._asked = self._serving(parameters, self._asked.network, self._asked.outputs)
        return self._asked

    def exchange(self, serving: Serving) -> None:
        """Take this one from the next image on. To be called between two images, in the order of asking."""
        gone = self.serving.outputs.publishers() - serving.outputs.publishers()
        self.serving = serving
        self._retired += gone

    def tidy(self) -> None:
        """Destroy the publishers that no longer serve; not while another thread reads `serving`'s outputs."""
        while self._retired:
            self._node.destroy_publisher(self._retired.pop())

    def _serving(self, parameters: Parameters, network: Network, before: OutputPublishers | None) -> Serving:
        rows = outputs(Setup(self._node, parameters, network.card.classes))
        full = parameters.mask_size == "camera"
        segmenter = Segmenter(network.engine, network.card, full_resolution=full, caution=parameters.caution)
        publishers = OutputPublishers(self._node, rows, qos.output(parameters), before)
        return Serving(parameters, network, segmenter, publishers)

    def announce(self, serving: Serving) -> None:
        """Publish the meaning of the class ids on the latched topics."""
        now = self._node.get_clock().now().to_msg()
        card, engine = serving.network.card, serving.network.engine.info
        groups = tuple(parse_groups(serving.parameters.mask_groups))
        self._latched[0].publish(to_message(segmentation_info(card, engine, groups), Header(stamp=now)))
        for publisher in self._latched[1:]:
            publisher.publish(label_info(now, card.classes))

    def consumers(self) -> tuple[str, ...]:
        """Topics with a subscriber, for which a camera image is needed."""
        topics = tuple(output.topic for output in self.serving.outputs.wanted())
        return topics + (("~/latency",) if self.latency.get_subscription_count() else ())

    def about(self) -> tuple[tuple[str, str], ...]:
        """Model and engine as (key, value) for diagnostics."""
        card, engine = self.serving.network.card, self.serving.network.engine.info
        height, width = engine.size
        return (
            ("model", card.name),
            ("model digest", card.digest[:12]),
            ("classes", card.classes.name),
            ("engine", engine.name),
            ("runtime", engine.runtime),
            ("device", engine.device),
            ("precision", engine.precision),
            ("network size", f"{width}x{height}"),
        )

    def close(self) -> None:
        """Free the network and end the topics."""
        self.tidy()
        for publisher in (*self.serving.outputs.publishers(), self.latency, *self._latched):
            self._node.destroy_publisher(publisher)
        self.serving.network.close()
