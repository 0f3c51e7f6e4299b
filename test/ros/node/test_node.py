"""The node over real DDS: what comes out for what went in."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from from_messages import from_image
from rclpy.parameter import Parameter
from ros_rig import Rig, picture, wait_for
from sensor_msgs.msg import CameraInfo, Image

from enet_ros.classes import CAMVID, VOID
from enet_ros.msg import Latency, SegmentationInfo
from enet_ros.ros import qos
from enet_ros.ros.node import active


@pytest.mark.parametrize("executor", ["auto", "single"])
def test_a_mask_answers_an_image(rig: Callable[..., Rig], executor: str) -> None:
    r = rig(executor=executor)
    masks = r.listen("mask")
    r.start()
    r.wait_for_camera()
    sent = r.send(picture(7))
    (mask,) = wait_for(lambda: masks)
    assert mask.header == sent.header
    assert (mask.encoding, mask.height, mask.width, mask.step) == ("mono8", 48, 64, 64)
    assert np.array_equal(from_image(mask), np.full((48, 64), 7))


def test_every_output_of_a_frame(rig: Callable[..., Rig]) -> None:
    r = rig(mask_groups=["drivable", "people=pedestrian,bicyclist", "sky"], overlay_opacity=0.5)
    images = ("mask", "confidence", "color", "overlay", "masks/drivable", "masks/people", "masks/sky")
    heard = {topic: r.listen(topic) for topic in images}
    heard["camera_info"] = r.listen("camera_info", CameraInfo)
    heard["latency"] = r.listen("latency", Latency)
    r.start()
    r.wait_for_camera()
    r.wait_for_info()
    r.info.publish(CameraInfo(width=64, height=48, k=[100.0, 0.0, 31.5, 0.0, 100.0, 23.5, 0.0, 0.0, 1.0]))
    wait_for(lambda: r.node._active._camera._calibration is not None)
    road = CAMVID.index("road")
    sent = r.send(picture(road, green=99))
    wait_for(lambda: all(heard.values()), f"missing of {heard.keys()}")
    values = {topic: from_image(heard[topic][0]) for topic in images}
    assert all(messages[0].header == sent.header for messages in heard.values())
    assert (values["confidence"] == 99).all()
    assert (values["color"] == CAMVID.colors[road]).all()
    mean = (np.array(CAMVID.colors[road], float) + picture(road, green=99)[0, 0]) / 2
    assert np.abs(values["overlay"][0, 0] - mean).max() <= 0.5
    assert (values["masks/drivable"] == 255).all()
    assert not values["masks/people"].any() and not values["masks/sky"].any()
    assert heard["camera_info"][0].k[0] == 100.0
    latency = heard["latency"][0]
    assert latency.clock == Latency.CLOCK_STALE and np.isnan(latency.transport_ms)
    assert (latency.frames_in, latency.frames_dropped, latency.frames_failed) == (1, 0, 0)
    assert latency.total_ms >= latency.infer_ms >= 0


def test_caution_takes_unsure_road_away_while_running(rig: Callable[..., Rig]) -> None:
    r = rig(caution=0.5)
    masks = r.listen("mask")
    r.start()
    r.wait_for_camera()
    road, tree = CAMVID.index("road"), CAMVID.index("tree")

    def answer(label: int) -> np.ndarray:
        masks.clear()
        r.send(picture(label, green=99))
        return from_image(wait_for(lambda: masks)[0])

    assert (answer(road) == VOID).all()
    assert (answer(tree) == tree).all()
    assert r.node.set_parameters([Parameter("caution", value=0.3)])[0].successful
    assert (answer(road) == road).all()


def test_the_network_s_own_resolution(rig: Callable[..., Rig]) -> None:
    r = rig(mask_size="network", input_height=16, input_width=24)
    masks, overlays, infos = r.listen("mask"), r.listen("overlay"), r.listen("camera_info", CameraInfo)
    r.start()
    r.wait_for_camera()
    r.wait_for_info()
    r.info.publish(CameraInfo(width=64, height=48, k=[96.0, 0.0, 31.5, 0.0, 96.0, 23.5, 0.0, 0.0, 1.0]))
    wait_for(lambda: r.node._active._camera._calibration is not None)
    r.send(picture(3))
    wait_for(lambda: masks and overlays and infos)
    assert (masks[0].height, masks[0].width, masks[0].step) == (16, 24, 24)
    assert (overlays[0].height, overlays[0].width, overlays[0].step) == (16, 24, 72)
    assert (infos[0].height, infos[0].width) == (16, 24)
    assert infos[0].k == pytest.approx([36.0, 0, 11.5, 0, 32.0, 7.5, 0, 0, 1])


def test_info_is_there_for_who_comes_late(rig: Callable[..., Rig]) -> None:
    r = rig()
    r.start()
    heard = r.listen("info", SegmentationInfo, qos.latched())
    (info,) = wait_for(lambda: heard)
    assert tuple(info.class_names) == CAMVID.names
    car = 3 * CAMVID.index("car")
    assert list(info.class_colors[car : car + 3]) == [64, 0, 128]
    assert list(info.drivable) == [CAMVID.index("road")]
    assert (info.engine, info.network_height, info.network_width) == ("onnxruntime", 24, 32)
    assert len(info.model_digest) == 64


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


def test_a_slow_node_answers_the_newest(rig: Callable[..., Rig]) -> None:
    r = rig()
    masks, latencies = r.listen("mask"), r.listen("latency", Latency)
    r.start()
    r.wait_for_camera()
    r.send(picture(250))
    wait_for(lambda: r.counters().failed == 1)
    engine = r.node._configured.serving.network.engine._shared.engine
    gate, plain = threading.Event(), engine._run
    engine._run = lambda image, confidence: (gate.wait(), plain(image, confidence))[1]
    for label in range(5):
        r.send(picture(label))
        wait_for(lambda n=label: r.counters().received == n + 2)
    gate.set()
    wait_for(lambda: len(masks) == len(latencies) == 2)
    assert [int(from_image(mask)[0, 0]) for mask in masks] == [0, 4]
    counters = r.counters()
    assert (counters.received, counters.replaced, counters.answered, counters.failed) == (6, 3, 2, 1)
    assert (latencies[1].frames_in, latencies[1].frames_dropped, latencies[1].frames_failed) == (6, 3, 1)


def test_a_rate_is_kept_and_what_it_skips_is_counted(rig: Callable[..., Rig]) -> None:
    r = rig(max_rate=0.01, priority=2.0)
    masks, latencies = r.listen("mask"), r.listen("latency", Latency)
    r.start()
    r.wait_for_camera()
    weights: list[float] = []
    shared = r.node._configured.serving.network.engine._shared
    take = shared.take
    shared.take = lambda lease, weight: weights.append(weight) or take(lease, weight)
    for number in range(4):
        r.send(picture(number))
        wait_for(lambda n=number: r.counters().received == n + 1)
    wait_for(lambda: r.counters().answered == 1)
    assert (r.counters().skipped, r.counters().replaced) == (3, 0)
    r.node.set_parameters([Parameter("max_rate", value=0.0), Parameter("priority", value=0.5)])
    r.send(picture(9))
    wait_for(lambda: len(masks) == 2 and len(latencies) == 2)
    assert int(from_image(masks[1])[0, 0]) == 9
    assert (latencies[0].frames_skipped, latencies[1].frames_skipped, latencies[1].frames_in) == (0, 3, 5)
    assert weights == [2.0, 0.5]


def test_compressed_images(rig: Callable[..., Rig]) -> None:
    import cv2
    from sensor_msgs.msg import CompressedImage

    r = rig(image_transport="compressed")
    masks = r.listen("mask")
    camera = r.watcher.create_publisher(CompressedImage, "image_raw/compressed", qos.keep_last(5, "reliable"))
    r.start()
    r.wait_for_camera(camera)
    _, payload = cv2.imencode(".png", picture(9)[..., ::-1])
    camera.publish(CompressedImage(format="rgb8; png compressed bgr8", data=payload.tobytes()))
    (mask,) = wait_for(lambda: masks)
    assert (from_image(mask) == 9).all()


def test_compressed_outputs_hold_what_the_raw_ones_do(rig: Callable[..., Rig]) -> None:
    """Each carries the values of the raw image, or a JPEG of them, and image_transport's text."""
    from sensor_msgs.msg import CompressedImage

    from enet_ros.codec import decode_compressed, decode_ids

    r = rig(jpeg_quality=95)
    grey, colours = ("mask", "confidence", "masks/drivable"), ("color", "overlay")
    raw = {topic: r.listen(topic) for topic in grey + colours}
    heard = {topic: r.listen(f"{topic}/compressed", CompressedImage) for topic in grey + colours}
    r.start()
    r.wait_for_camera()
    rgb = picture(0)
    rgb[..., 0] = np.arange(64) // 6  # every class of CamVid, some of them drivable
    sent = r.send(rgb)
    wait_for(lambda: all(raw.values()) and all(heard.values()), f"missing of {heard.keys()}")
    for topic in grey:
        (message,) = heard[topic]
        assert (message.header, message.format) == (sent.header, "mono8; png compressed ")
        assert np.array_equal(decode_ids(message.data), from_image(raw[topic][0]))
    assert heard["color"][0].format == "rgb8; png compressed bgr8"
    assert heard["overlay"][0].format == "rgb8; jpeg compressed bgr8"
    found = {topic: decode_compressed(heard[topic][0].format, heard[topic][0].data) for topic in colours}
    assert np.array_equal(found["color"], from_image(raw["color"][0]))
    fine = len(heard["overlay"][0].data)
    assert np.abs(found["overlay"].astype(int) - from_image(raw["overlay"][0])).mean() < 6
    assert r.node.set_parameters([Parameter("jpeg_quality", value=10)])[0].successful
    r.send(rgb)
    wait_for(lambda: len(heard["overlay"]) == 2)
    assert len(heard["overlay"][1].data) < 0.7 * fine


def test_a_compressed_mask_alone_is_enough(rig: Callable[..., Rig]) -> None:
    from sensor_msgs.msg import CompressedImage

    r = rig()
    masks = r.listen("mask/compressed", CompressedImage)
    r.start()
    r.wait_for_camera()
    assert [output.topic for output in r.node._active._configured.serving.outputs.wanted()] == ["~/mask/compressed"]
    r.send(picture(7))
    wait_for(lambda: masks)


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
    from rclpy.parameter import Parameter

    return [Parameter(name, value=value) for name, value in values.items()]


def test_the_engine_is_made_as_the_parameters_say(rig: Callable[..., Rig], plain_engine: type) -> None:
    r = rig(input_height=16, input_width=24, precision="bf16", threads=3, device="cpu")
    assert r.node.trigger_configure().name == "SUCCESS"
    options = plain_engine.last_options
    assert (options.size, options.precision, options.threads, options.device) == ((16, 24), "bf16", 3, "cpu")
    assert options.confidence, "the first image with confidence subscribed must not wait for another network"


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


def test_the_image_left_in_the_mailbox_at_deactivation_is_counted(rig: Callable[..., Rig]) -> None:
    r = rig(lazy=False)
    r.start()
    r.wait_for_camera()
    running, engine = r.node._active, r.node._configured.serving.network.engine._shared.engine
    begun, gate, plain = threading.Event(), threading.Event(), engine._run
    engine._run = lambda image, confidence: (begun.set(), gate.wait(), plain(image, confidence))[2]
    r.send(picture(1))
    assert begun.wait(30)
    r.send(picture(2))
    wait_for(lambda: running.account.counters.received == 2)
    stop = threading.Thread(target=r.node.trigger_deactivate)
    stop.start()
    wait_for(lambda: running._worker._stopped)
    gate.set()
    stop.join()
    counters = running.account.counters
    assert (counters.received, counters.answered, counters.replaced, counters.failed) == (2, 1, 1, 0)


def test_each_stage_tells_its_own_time(rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step sleeps; what its stage tells is at least that, so that no two stages can be exchanged."""
    sleeps_ms = {"decode": 20, "preprocess": 40, "infer": 60, "postprocess": 80, "publish": 100}

    def slowed(stage: str, step: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **more: (time.sleep(sleeps_ms[stage] / 1e3), step(*args, **more))[1]

    r = rig()
    masks, latencies = r.listen("mask"), r.listen("latency", Latency)
    r.start()
    r.wait_for_camera()
    serving = r.node._configured.serving
    monkeypatch.setattr(active, "decode", slowed("decode", active.decode))
    monkeypatch.setattr(serving.segmenter, "prepare", slowed("preprocess", serving.segmenter.prepare))
    engine = serving.network.engine._shared.engine
    monkeypatch.setattr(engine, "_run", slowed("infer", engine._run))
    (index,) = (i for i, (output, _) in enumerate(serving.outputs._rows) if output.topic == "~/mask")
    output, publisher = serving.outputs._rows[index]
    monkeypatch.setattr(publisher, "publish", slowed("publish", publisher.publish))
    serving.outputs._rows[index] = (
        dataclasses.replace(output, make=slowed("postprocess", output.make)), publisher
    )  # fmt: skip
    r.send(picture(3))
    wait_for(lambda: masks)
    r.send(picture(3))
    wait_for(lambda: len(latencies) == 2)
    for latency in latencies:
        for stage, least_ms in sleeps_ms.items():
            assert getattr(latency, f"{stage}_ms") >= least_ms, stage
    assert latencies[0].total_ms >= sum(sleeps_ms.values())
