"""What a configured node holds: a loaded network, the outputs made of its answers, and the parameters of both."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.publisher import Publisher
from std_msgs.msg import Header

from enet_ros import model_file
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

    def __init__(self, node: LifecycleNode, parameters: Parameters, numbers: Iterator[int]) -> None:
        """numbers: of the networks that it will use."""
        self._node = node
        self._numbers = numbers
        self._retired: list[Publisher[Any]] = []
        network = self.load(parameters)
        try:
            self.serving = self._asked = self._serving(parameters, network, None)
            self.latency = create(node, Latency, "~/latency", qos.output(parameters))
            self._latched = [create(node, SegmentationInfo, "~/info", qos.latched())]
            if kind := label_info_type():
                self._latched.append(create(node, kind, "~/label_info", qos.latched()))
        except Exception:
            network.close()
            raise

    def load(self, parameters: Parameters) -> Network:
        """A network that fits the parameters and is nobody's yet. For any thread.

        What can be known before it is compiled is checked first. Raises ModelError, ConfigError or EngineError.
        """
        path = model_file.resolve(parameters.model)
        card = model_file.read_card(path)
        outputs(Setup(self._node, parameters, card.classes))
        return Network(path, card, parameters, self._node.get_logger())

    def needs_load(self, parameters: Parameters, model_named: bool) -> bool:
        """Whether these parameters need another network than those asked for last.

        model_named: somebody has set `model`, perhaps to the same file, which holds another model now.
        """
        last = self._asked
        return parameters.network != last.parameters.network or (model_named and not last.network.is_of_its_file())

    @property
    def parameters(self) -> Parameters:
        """Those set last, for what arrives from now on; an image is answered with those of `serving`."""
        return self._asked.parameters

    def asked(self, parameters: Parameters, network: Network | None = None) -> Serving:
        """What takes the place of the last one asked for, once it is given to `exchange`.

        network: None for the same. Raises ConfigError, with nothing changed, for what does not fit its classes.
        """
        self._asked = self._serving(parameters, network or self._asked.network, self._asked.outputs)
        return self._asked

    def exchange(self, serving: Serving) -> None:
        """Take this one from the next image on. To be called between two images, in the order of asking."""
        before, self.serving = self.serving, serving
        self._retired += before.outputs.publishers() - serving.outputs.publishers()
        if before.network is not serving.network:
            threading.Thread(target=before.network.close, name="enet_ros_free").start()  # no image waits for that

    def tidy(self) -> None:
        """Destroy the publishers that no longer serve; not while another thread reads `serving`'s outputs."""
        while self._retired:
            self._node.destroy_publisher(self._retired.pop())

    def _serving(self, parameters: Parameters, network: Network, before: OutputPublishers | None) -> Serving:
        rows = outputs(Setup(self._node, parameters, network.card.classes))
        network.number = network.number or next(self._numbers)
        full = parameters.mask_size == "camera"
        segmenter = Segmenter(network.engine, network.card, full_resolution=full, caution=parameters.caution)
        publishers = OutputPublishers(self._node, rows, qos.output(parameters), before)
        return Serving(parameters, network, segmenter, publishers)

    def announce(self, serving: Serving) -> None:
        """Publish the meaning of the class ids on the latched topics."""
        now = self._node.get_clock().now().to_msg()
        network, groups = serving.network, tuple(parse_groups(serving.parameters.mask_groups))
        card, engine = network.card, network.engine.info
        value = segmentation_info(card, engine, groups, network.number)
        self._latched[0].publish(to_message(value, Header(stamp=now)))
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
            ("model number", str(self.serving.network.number)),
            ("model digest", card.digest[:12]),
            ("classes", card.classes.name),
            ("engine", engine.name),
            ("runtime", engine.runtime),
            ("device", engine.device),
            ("precision", engine.chosen),
            ("network size", f"{width}x{height}"),
        )

    def close(self) -> None:
        """Free the network and end the topics."""
        self.tidy()
        for publisher in (*self.serving.outputs.publishers(), self.latency, *self._latched):
            self._node.destroy_publisher(publisher)
        self.serving.network.close()
