"""An SROS2 policy that lets the node, a container of nodes and a camera have what they need and nothing else.

  python -m enet_ros.ros.security > policy.xml                       /segmentation, as in config/sros2/policy.xml
  python -m enet_ros.ros.security front rear --image /front/image_raw /rear/image_raw --groups drivable person

It is read from the ROS graph of such nodes, started for the purpose, so that it cannot differ from what they do; what
only packages that are missing here would add is added. docs/security.md says how to use it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from rclpy.node import Node

from enet_ros.errors import EnetRosError
from enet_ros.ros import process
from enet_ros.ros.parameters import DEFAULTS, TRANSPORTS

VERSION = "0.2.0"
"""Of sros2's policy.xsd."""


GRAPH_S = 10.0
"""Longest wait for the graph, which learns of a node's topics a little after they are made."""
SHARED = ("/clock", "/diagnostics", "/parameter_events", "/rosout")
"""Topics that are absolute for a node in any namespace."""


class Access(NamedTuple):
    """Names of topics and services as a policy has them: absolute, '~/private' or relative to the namespace."""

    publish: frozenset[str] = frozenset()
    subscribe: frozenset[str] = frozenset()
    reply: frozenset[str] = frozenset()

    def plus(self, other: Access) -> Access:
        return Access(*(mine | theirs for mine, theirs in zip(self, other, strict=True)))


ELSEWHERE = Access(frozenset({"~/label_info", "bond"}), frozenset({"/clock", "/tf", "/tf_static", "bond"}))
"""What a segmentation node has besides with vision_msgs, bond, tf2_ros and use_tf, and with use_sim_time."""
LOADING = Access(
    reply=frozenset(f"~/_container/{name}" for name in ("load_node", "unload_node", "list_nodes")),
)
"""What a container has besides where composition_interfaces is installed."""


def access(node: Node) -> Access:
    """What a node of this process has now. A client's requests are not among it: no node of ours sends any.

    From the graph, which also has what rcl makes for a node; once it has what the node itself made last.
    """
    topics = {publisher.topic_name for publisher in node.publishers}
    topics |= {subscription.topic_name for subscription in node.subscriptions}
    services = {service.service_name for service in node.services}
    end_s = time.monotonic() + GRAPH_S
    while True:
        published, subscribed, replied = _graph(node)
        if topics <= {*published, *subscribed} and services <= set(replied):
            return Access(*(_written(node, names) for names in (published, subscribed, replied)))
        if time.monotonic() > end_s:
            raise EnetRosError(
                f"the ROS graph does not show all of {node.get_fully_qualified_name()}: is DDS at work here?"
            )
        time.sleep(0.05)


def _graph(node: Node) -> tuple[list[str], list[str], list[str]]:
    """Full names of the topics that a node publishes and subscribes to, and of its services."""
    name = node.get_name(), node.get_namespace()
    published = node.get_publisher_names_and_types_by_node(*name)
    subscribed = node.get_subscriber_names_and_types_by_node(*name)
    replied = node.get_service_names_and_types_by_node(*name)
    return [text for text, _ in published], [text for text, _ in subscribed], [text for text, _ in replied]


def _written(node: Node, names: Sequence[str]) -> frozenset[str]:
    own, near = f"{node.get_fully_qualified_name()}/", f"{node.get_namespace().rstrip('/')}/"

    def written(full: str) -> str:
        if full.startswith(own):
            return f"~/{full.removeprefix(own)}"
        return full if full in SHARED else full.removeprefix(near)

    return frozenset(map(written, names))


def segmentation(groups: Sequence[str] = DEFAULTS.mask_groups) -> Access:
    """Of a segmentation node, with raw and with compressed images. groups: as the parameter `mask_groups`."""
    from rclpy.parameter import Parameter

    from enet_ros.ros.node import EnetNode

    both = ELSEWHERE
    for transport in TRANSPORTS:
        size = {"input_height": 64, "input_width": 64, "warmup": 0}
        values = {"lazy": False, "image_transport": transport, "mask_groups": list(groups), **size}
        node = EnetNode(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])
        node.trigger_configure()
        node.trigger_activate()
        both = both.plus(access(node))
        node.destroy_node()
    return both


def container() -> Access:
    """Of the node that gives a container its name."""
    import rclpy

    node = rclpy.create_node("enet_container", start_parameter_services=False)
    found = access(node).plus(LOADING)
    node.destroy_node()
    return found


def camera() -> Access:
    """Of `play`, with raw and with compressed images."""
    import rclpy

    from enet_ros.frames.street import from_street
    from enet_ros.ros.play.camera import CameraFeed, Look
    from enet_ros.ros.play.player import Player, PlayOptions

    node = rclpy.create_node("camera")
    for encoding in ("rgb8", "jpeg"):
        feed = CameraFeed(node, from_street(1), Look(encoding), 10.0)
    Player(node, feed, PlayOptions(clock_hz=100.0))
    found = access(node)
    node.destroy_node()
    return found


def policy(namespaces: Sequence[str], node: Access, host: Access, sender: Access) -> str:
    """The policy as XML, an enclave for each process: a node and a camera in each namespace, and one container.

    namespaces: absolute, '/' or '/front'. node, host, sender: of the segmentation node, the container, the camera.
    """
    root = ElementTree.Element("policy", version=VERSION)
    enclaves = ElementTree.SubElement(root, "enclaves")
    for namespace in namespaces:
        below = f"/enet_ros{namespace.rstrip('/')}"
        _enclave(enclaves, f"{below}/segmentation", [(namespace, "segmentation", node)])
        _enclave(enclaves, f"{below}/camera", [(namespace, "camera", sender)])
    hosted = [(namespace, "segmentation", node) for namespace in namespaces]
    _enclave(enclaves, "/enet_ros/container", [("/", "enet_container", host), *hosted])
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _enclave(enclaves: ElementTree.Element, path: str, nodes: Sequence[tuple[str, str, Access]]) -> None:
    enclave = ElementTree.SubElement(enclaves, "enclave", path=path)
    profiles = ElementTree.SubElement(enclave, "profiles")
    for namespace, name, granted in nodes:
        profile = ElementTree.SubElement(profiles, "profile", ns=namespace, node=name)
        for kind, rule in (("topic", "publish"), ("topic", "subscribe"), ("service", "reply")):
            names = sorted(getattr(granted, rule))
            if names:
                parent = ElementTree.SubElement(profile, f"{kind}s", {rule: "ALLOW"})
                for text in names:
                    ElementTree.SubElement(parent, kind).text = text


def remapped(node: Access, image: str, camera_info: str) -> Access:
    """The access of a segmentation node whose camera's topics are remapped to these."""
    names = {"image_raw": image, "image_raw/compressed": f"{image}/compressed", "camera_info": camera_info}
    return node._replace(subscribe=frozenset(names.get(name, name) for name in node.subscribe))


def main(args: Sequence[str] | None = None) -> int:
    """Print a policy."""
    parser = argparse.ArgumentParser(
        prog="python -m enet_ros.ros.security",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("namespaces", nargs="*", metavar="NAMESPACE", help="a node in each of them (default: in /)")
    parser.add_argument("--image", default="image_raw", metavar="TOPIC", help="as the launch file's image")
    parser.add_argument("--camera-info", default="camera_info", metavar="TOPIC", help="as its camera_info")
    parser.add_argument(
        "--groups", nargs="*", default=DEFAULTS.mask_groups, help="as the parameter mask_groups (default: %(default)s)"
    )
    options = parser.parse_args(args)
    with process.running([], pages=False):
        node = remapped(segmentation(options.groups), options.image, options.camera_info)
        namespaces = [f"/{name.strip('/')}" for name in options.namespaces or [""]]
        print(policy(namespaces, node, container(), camera()), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
