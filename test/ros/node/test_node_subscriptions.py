"""When the node subscribes to its camera, on which topic and with which QoS."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from rclpy.parameter import Parameter
from ros_rig import Rig, picture, wait_for
from sensor_msgs.msg import Image

from enet_ros.msg import Latency
from enet_ros.ros import qos


def test_nobody_listening_nothing_done(rig: Callable[..., Rig]) -> None:
    r = rig()
    r.start()
    color = r.listen("color")
    r.wait_for_camera()
    r.send(picture(1))
    wait_for(lambda: color)
    assert r.node._active._configured.serving.outputs.problems == {}
    for subscription in list(r.watcher.subscriptions):
        if subscription.topic_name.endswith("color"):
            r.watcher.destroy_subscription(subscription)
    wait_for(lambda: r.camera.get_subscription_count() == 0, "the camera is still subscribed")
    r.listen("mask")
    r.wait_for_camera()


def test_lazy_can_be_switched_off(rig: Callable[..., Rig]) -> None:
    r = rig(lazy=False)
    r.start()
    r.wait_for_camera()


def test_only_what_is_subscribed_is_made(rig: Callable[..., Rig]) -> None:
    r = rig()
    latencies = r.listen("latency", Latency)
    r.start()
    r.wait_for_camera()
    made: list[str] = []
    rows = r.node._active._configured.serving.outputs._rows
    rows[:] = [(_spied(output, made), publisher) for output, publisher in rows]
    r.send(picture(1))
    wait_for(lambda: latencies)
    assert made == []
    r.listen("color")
    wait_for(lambda: r.send(picture(1)) and made)
    assert set(made) == {"~/color"}


def _spied(output: object, made: list[str]) -> object:
    def make(frame: object) -> object:
        made.append(output.topic)
        return output.make(frame)

    return dataclasses.replace(output, make=make)


def test_a_compressed_mask_alone_is_enough(rig: Callable[..., Rig]) -> None:
    from sensor_msgs.msg import CompressedImage

    r = rig()
    masks = r.listen("mask/compressed", CompressedImage)
    r.start()
    r.wait_for_camera()
    assert [output.topic for output in r.node._active._configured.serving.outputs.wanted()] == ["~/mask/compressed"]
    r.send(picture(7))
    wait_for(lambda: masks)


def test_images_sent_while_nobody_listened_are_not_lost(rig: Callable[..., Rig]) -> None:
    r = rig()
    r.start()
    for _ in range(2):
        masks = r.listen("mask")
        r.wait_for_camera()
        r.send(picture(1))
        wait_for(lambda heard=masks: heard)
        (subscription,) = (s for s in r.watcher.subscriptions if s.topic_name.endswith("mask"))
        r.watcher.destroy_subscription(subscription)
        wait_for(lambda: r.camera.get_subscription_count() == 0, "the camera is still subscribed")
        for _ in range(3):
            r.send(picture(1))
    assert (r.counters().received, r.counters().answered, r.counters().lost) == (2, 2, 0)


def test_match_takes_the_publisher_s_qos(rig: Callable[..., Rig]) -> None:
    r = rig(reliability="match", durability="match", lazy=False)
    r.start()
    r.wait_for_camera()
    (found,) = r.watcher.get_subscriptions_info_by_topic("/image_raw")
    assert found.qos_profile.reliability == qos.keep_last(1, "reliable").reliability
    r.watcher.destroy_publisher(r.camera)
    r.camera = r.watcher.create_publisher(Image, "image_raw", qos.keep_last(1, "best_effort"))
    r.wait_for_camera()


def test_a_qos_override_has_the_last_word(rig: Callable[..., Rig]) -> None:
    r = rig(lazy=False, **{"qos_overrides./image_raw.subscription.reliability": "reliable"})
    r.start()
    r.wait_for_camera()
    (found,) = r.watcher.get_subscriptions_info_by_topic("/image_raw")
    assert found.qos_profile.reliability == qos.keep_last(1, "reliable").reliability


def test_a_namespace_and_a_remapping(ros: int, plain_engine: type) -> None:
    import rclpy

    from enet_ros.ros.node import EnetNode

    arguments = ["--ros-args", "-r", "image_raw:=/front/rgb"]
    node = EnetNode("eyes", namespace="/robot", cli_args=arguments, parameter_overrides=_values(engine="onnxruntime"))
    node.trigger_configure()
    node.trigger_activate()
    topics = dict(node.get_topic_names_and_types())
    assert {"/robot/eyes/mask", "/robot/eyes/info"} <= topics.keys()
    assert node._active._camera.topic == "/front/rgb"
    node.destroy_node()
    assert rclpy.ok()


@pytest.mark.parametrize(
    ("rules", "topic"),
    [
        (["image_raw:=/front/rgb"], "/front/rgb/compressed"),
        (["image_raw/compressed:=/front/jpeg"], "/front/jpeg"),
        (["image_raw:=/front/rgb", "image_raw/compressed:=/front/jpeg"], "/front/jpeg"),
        ([], "/image_raw/compressed"),
    ],
    ids=str,
)
def test_a_remapping_holds_for_compressed_images_too(
    ros: int, plain_engine: type, watcher: Any, rules: list[str], topic: str
) -> None:
    from sensor_msgs.msg import CompressedImage

    from enet_ros.ros.node import EnetNode

    camera = watcher.create_publisher(CompressedImage, topic, 1)
    arguments = ["--ros-args", *(part for rule in rules for part in ("-r", rule))]
    values = _values(engine="onnxruntime", image_transport="compressed", lazy=False)
    node = EnetNode(cli_args=arguments, parameter_overrides=values)
    node.trigger_configure()
    node.trigger_activate()
    wait_for(lambda: camera.get_subscription_count() == 1)
    assert node._active._camera.topic == topic
    node.destroy_node()


def _values(**values: object) -> list[object]:

    return [Parameter(name, value=value) for name, value in values.items()]
