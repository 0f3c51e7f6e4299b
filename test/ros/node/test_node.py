"""The node over real DDS: what comes out for what went in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from from_messages import from_image
from rclpy.parameter import Parameter
from ros_rig import Rig, picture, wait_for
from sensor_msgs.msg import CameraInfo

from enet_ros.classes import CAMVID, VOID
from enet_ros.msg import Latency, SegmentationInfo
from enet_ros.ros import qos


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


def test_the_engine_is_made_as_the_parameters_say(rig: Callable[..., Rig], plain_engine: type) -> None:
    r = rig(input_height=16, input_width=24, precision="bf16", threads=3, device="cpu")
    assert r.node.trigger_configure().name == "SUCCESS"
    options = plain_engine.last_options
    assert (options.size, options.precision, options.threads, options.device) == ((16, 24), "bf16", 3, "cpu")
    assert options.confidence, "the first image with confidence subscribed must not wait for another network"
