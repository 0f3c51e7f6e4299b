"""The SROS2 policy grants what the nodes have, no less and no more."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
pytest.importorskip("enet_ros.msg", reason="enet_ros/msg is not built: colcon build, or use ./run test")

import rclpy
from rclpy.parameter import Parameter
from std_msgs.msg import Empty

from enet_ros.ros import security
from enet_ros.ros.node import EnetNode

POLICY = Path(__file__).parents[2] / "config" / "sros2" / "policy.xml"
REMEDY = "a topic or service has changed: python -m enet_ros.ros.security > config/sros2/policy.xml"


def granted(namespace: str, name: str) -> list[security.Access]:
    """What the file grants to a node, for each enclave that has it."""
    root = ElementTree.parse(POLICY).getroot()
    assert root.attrib == {"version": "0.2.0"}

    def names(profile: ElementTree.Element, kind: str, rule: str) -> frozenset[str]:
        return frozenset(item.text or "" for item in profile.iterfind(f"{kind}s[@{rule}='ALLOW']/{kind}"))

    return [
        security.Access(
            names(profile, "topic", "publish"), names(profile, "topic", "subscribe"), names(profile, "service", "reply")
        )
        for profile in root.iterfind(f".//profile[@ns='{namespace}'][@node='{name}']")
    ]


def test_the_policy_is_that_of_the_nodes(ros: int) -> None:
    segmentation = security.segmentation()
    assert granted("/", "segmentation") == [segmentation, segmentation], REMEDY
    assert granted("/", "enet_container") == [security.container()], REMEDY
    assert granted("/", "camera") == [security.camera()], REMEDY
    assert {"~/mask", "~/info", "/diagnostics"} <= segmentation.publish
    assert {"image_raw", "image_raw/compressed", "camera_info"} <= segmentation.subscribe
    assert {"~/set_parameters", "~/change_state"} <= segmentation.reply
    written = security.policy(["/"], segmentation, security.container(), security.camera())
    assert written == POLICY.read_text(), REMEDY


def test_a_node_in_use_has_nothing_that_is_not_granted(ros: int) -> None:
    """Of a node as a robot runs it: in a namespace, with simulated time and groups of its own."""
    values = {"use_sim_time": True, "lazy": False, "mask_groups": ["drivable", "people=pedestrian,bicyclist"]}
    size = {"input_height": 64, "input_width": 64, "warmup": 0}
    overrides = [Parameter(name, value=value) for name, value in (values | size).items()]
    node = EnetNode(namespace="/front", parameter_overrides=overrides)
    try:
        node.trigger_configure()
        node.trigger_activate()
        found = security.access(node)
    finally:
        node.destroy_node()
    allowed = security.segmentation(["drivable", "people=pedestrian,bicyclist"])
    assert "~/masks/people" in allowed.publish
    for mine, theirs in zip(found, allowed, strict=True):
        assert mine <= theirs


def test_a_topic_that_nobody_granted_is_seen(ros: int) -> None:
    node = rclpy.create_node("camera", namespace="/front")
    try:
        before = security.access(node)
        node.create_publisher(Empty, "~/leak", 1)
        node.create_publisher(Empty, "near", 1)
        node.create_subscription(Empty, "/elsewhere", print, 1)
        node.create_service(_service(), "~/open", lambda request, response: response)
        after = security.access(node)
    finally:
        node.destroy_node()
    assert after.publish - before.publish == {"~/leak", "near"}
    assert after.subscribe - before.subscribe == {"/elsewhere"}
    assert after.reply - before.reply == {"~/open"}


def _service() -> type:
    from std_srvs.srv import SetBool

    return SetBool


def test_topics_as_launched() -> None:
    node = security.Access(frozenset({"~/mask"}), frozenset({"image_raw", "image_raw/compressed", "camera_info"}))
    there = security.remapped(node, "/cam/image", "/cam/info")
    assert there == node._replace(subscribe=frozenset({"/cam/image", "/cam/image/compressed", "/cam/info"}))
    text = security.policy(["/front", "/rear"], there, security.Access(), security.Access())
    enclaves = ElementTree.fromstring(text).findall("enclaves/enclave")
    assert [enclave.attrib["path"] for enclave in enclaves] == [
        "/enet_ros/front/segmentation",
        "/enet_ros/front/camera",
        "/enet_ros/rear/segmentation",
        "/enet_ros/rear/camera",
        "/enet_ros/container",
    ]
    hosted = [(item.attrib["ns"], item.attrib["node"]) for item in enclaves[-1].iterfind("profiles/profile")]
    assert hosted == [("/", "enet_container"), ("/front", "segmentation"), ("/rear", "segmentation")]
