"""config/segment.rviz and config/foxglove_layout.json show what a live node publishes, and can receive it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from ros_rig import Rig

from enet_ros.msg import Latency
from enet_ros.ros import qos

CONFIG = Path(__file__).resolve().parents[4] / "config"
RVIZ = yaml.safe_load((CONFIG / "segment.rviz").read_text())["Visualization Manager"]
FOXGLOVE = json.loads((CONFIG / "foxglove_layout.json").read_text())

# Displays and panels, and what they take: rviz_default_plugins/plugins_description.xml; Foxglove's panels.
DISPLAYS = {
    "rviz_default_plugins/Image": "sensor_msgs/msg/Image",
    "rviz_default_plugins/PointCloud2": "sensor_msgs/msg/PointCloud2",
    "rviz_default_plugins/Map": "nav_msgs/msg/OccupancyGrid",
}
WITHOUT_TOPIC = {"rviz_default_plugins/Grid", "rviz_default_plugins/TF"}
IMAGE = {"sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"}
PANELS = {
    "3D": {"sensor_msgs/msg/PointCloud2", "nav_msgs/msg/OccupancyGrid"},
    "Image": IMAGE,
    "DiagnosticSummary": {"diagnostic_msgs/msg/DiagnosticArray"},
}
POLICIES = {
    "Reliable": ReliabilityPolicy.RELIABLE,
    "Transient Local": DurabilityPolicy.TRANSIENT_LOCAL,
    "Volatile": DurabilityPolicy.VOLATILE,
}


@pytest.fixture
def published(rig: Callable[..., Rig]) -> Callable[[str], tuple[set[str], QoSProfile]]:
    """published(topic): its types and what a node with default parameters offers there."""
    node = rig()
    node.start()

    def of(topic: str) -> tuple[set[str], QoSProfile]:
        types = dict(node.node.get_publisher_names_and_types_by_node("segmentation", "/"))
        (offered,) = node.node.get_publishers_info_by_topic(topic)
        return set(types[topic]), offered.qos_profile

    return of


Published = Callable[[str], tuple[set[str], QoSProfile]]


def test_rviz_shows_what_the_node_publishes(published: Published) -> None:
    for display in RVIZ["Displays"]:
        if display["Class"] in WITHOUT_TOPIC:
            continue
        wish = display["Topic"]
        types, offered = published(wish["Value"])
        assert types == {DISPLAYS[display["Class"]]}, display["Name"]
        asked = QoSProfile(
            depth=wish["Depth"],
            reliability=POLICIES[wish["Reliability Policy"]],
            durability=POLICIES[wish["Durability Policy"]],
        )
        assert qos.complaints([offered], [asked]) == []
        assert asked.durability == offered.durability, f"{display['Name']} would miss what is kept for it"


def test_rviz_looks_from_the_frame_of_the_metres() -> None:
    from enet_ros.ros.parameters import DEFAULTS

    assert RVIZ["Global Options"]["Fixed Frame"] == DEFAULTS.base_frame


def test_foxglove_shows_what_the_node_publishes(published: Published) -> None:
    for name, config in FOXGLOVE["configById"].items():
        panel = name.partition("!")[0]
        topics = [*config.get("topics", ()), config.get("imageMode", {}).get("imageTopic"), config.get("topicToRender")]
        for topic in filter(None, topics):
            types, _ = published(topic)
            assert types <= PANELS[panel] and types, f"{name}: {topic}"


def test_foxglove_plots_fields_that_there_are(published: Published) -> None:
    fields = Latency.get_fields_and_field_types()
    values = [path["value"] for c in FOXGLOVE["configById"].values() for path in c.get("paths", ())]
    assert values
    for value in values:
        found = re.fullmatch(r"(/segmentation/latency)\.(\w+)(\.@derivative)?", value)
        assert found, value
        assert published(found[1])[0] == {"enet_ros/msg/Latency"}
        assert fields[found[2]] in ("float", "uint64"), value


def test_every_foxglove_panel_has_its_place() -> None:
    def placed(part: Any) -> Iterator[str]:
        if isinstance(part, str):
            yield part
        else:
            yield from placed(part["first"])
            yield from placed(part["second"])

    assert sorted(placed(FOXGLOVE["layout"])) == sorted(FOXGLOVE["configById"])
