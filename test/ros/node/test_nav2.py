"""What Nav2's semantic segmentation layer asks of a segmentation node, topic by topic, at its default names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from from_messages import from_image
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from ros_rig import picture, wait_for

from enet_ros.classes import CAMVID
from enet_ros.ros import qos

NO_VISION_MSGS = "vision_msgs is not installed (apt has it, PyPI does not)"


def test_mask_and_confidence(rig: Callable[..., Any]) -> None:
    r = rig()
    masks, confidences = r.listen("/segmentation/mask"), r.listen("/segmentation/confidence")
    r.start()
    r.wait_for_camera()
    sent = r.send(picture(4, (50, 70), green=128))
    wait_for(lambda: masks and confidences)
    for message in (masks[0], confidences[0]):
        assert message.encoding == "mono8"
        assert (message.height, message.width, message.step) == (50, 70, 70)
        assert len(message.data) == 50 * 70
        assert message.header == sent.header and message.header.frame_id == "camera_optical_frame"
    assert (from_image(confidences[0]) == 128).all()


def test_void_is_255_and_in_no_class_map(rig: Callable[..., Any]) -> None:
    from enet_ros.classes import CITYSCAPES20
    from enet_ros.segmenter import Segmenter

    r = rig()
    masks = r.listen("/segmentation/mask")
    assert r.node.trigger_configure().name == "SUCCESS"
    configured = r.node._configured
    segmenter = Segmenter(configured.serving.network.engine, _Card(CITYSCAPES20))
    configured.exchange(dataclasses.replace(configured.serving, segmenter=segmenter))
    assert r.node.trigger_activate().name == "SUCCESS"
    r.wait_for_camera()
    r.send(picture(0))
    wait_for(lambda: masks)
    assert np.unique(from_image(masks[0])).tolist() == [255]


class _Card:
    def __init__(self, classes: Any) -> None:
        self.classes = classes


def test_label_info_is_latched_and_before_the_first_mask(rig: Callable[..., Any]) -> None:
    messages = pytest.importorskip("vision_msgs.msg", reason=NO_VISION_MSGS)
    r = rig()
    order: list[str] = []
    r.watcher.create_subscription(
        messages.LabelInfo, "/segmentation/label_info", lambda _: order.append("labels"), qos.latched()
    )
    r.watcher.create_subscription(
        type(r.send(picture(0))), "/segmentation/mask", lambda _: order.append("mask"), qos.keep_last(5, "reliable")
    )
    r.start()
    r.wait_for_camera()
    r.send(picture(1))
    wait_for(lambda: "mask" in order)
    assert order[0] == "labels"
    (offered,) = r.watcher.get_publishers_info_by_topic("/segmentation/label_info")
    assert offered.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert offered.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    late = r.listen("/segmentation/label_info", messages.LabelInfo, qos.latched())
    (message,) = wait_for(lambda: late)
    assert [(c.class_id, c.class_name) for c in message.class_map] == list(enumerate(CAMVID.names))


def test_a_network_s_own_void_is_left_out_of_the_class_map() -> None:
    pytest.importorskip("vision_msgs.msg", reason=NO_VISION_MSGS)
    from builtin_interfaces.msg import Time

    from enet_ros.classes import CITYSCAPES20
    from enet_ros.ros.messages import label_info

    message = label_info(Time(), CITYSCAPES20)
    assert [c.class_id for c in message.class_map] == list(range(1, 20))
    assert message.class_map[0].class_name == "road"
