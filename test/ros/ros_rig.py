"""A node under test and a node that watches it, in one process, over real DDS; a fake only at the engine table."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
pytest.importorskip("enet_ros.msg", reason="enet_ros/msg is not built: colcon build, or use ./run test")

import rclpy
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from enet_ros.engines.base import Engine, EngineInfo, EngineOptions, Inference
from enet_ros.errors import EngineError
from enet_ros.ros import process, qos
from enet_ros.ros.messages import to_image, to_stamp
from enet_ros.ros.node import EnetNode
from enet_ros.ros.node.losses import PublisherEventCallbacks

WAIT_S = 30.0
PATIENT = "a condition that should come true within milliseconds did not within 30 s"
SIZE = (24, 32)


class PlainEngine(Engine):
    """Labels are the red channel, modulo 11; confidence the green. Red 250 raises what a runtime might."""

    open_engines = 0
    last_options = EngineOptions()

    def __init__(self, path: object, options: EngineOptions) -> None:
        type(self).last_options = options
        if options.device == "nowhere":
            raise EngineError("there is no device 'nowhere'")
        super().__init__(EngineInfo("onnxruntime", "plain 1.0", "CPU", "fp32", options.size or SIZE, 1, 0.0))
        PlainEngine.open_engines += 1  # of subclasses too

    def infer(self, image: Any, *, confidence: bool = False) -> Inference:
        if (image[0, 0, 0]) == 250:
            raise RuntimeError("the accelerator has gone")
        return super().infer(image, confidence=confidence)

    def _run(self, image: Any, confidence: bool) -> Inference:
        return Inference(image[..., 0] % 11, image[..., 1].copy() if confidence else None)

    def _free(self) -> None:
        PlainEngine.open_engines -= 1


def wait_for(condition: Callable[[], Any], what: str = PATIENT) -> Any:
    """The condition's value, once it is true."""
    end_s = time.monotonic() + WAIT_S
    while not (value := condition()):
        assert time.monotonic() < end_s, what
        time.sleep(0.005)
    return value


def picture(label: int, shape: tuple[int, int] = (48, 64), green: int = 200) -> Any:
    """(H, W, 3) uint8 whose PlainEngine label is `label` everywhere."""
    rgb = np.zeros((*shape, 3), np.uint8)
    rgb[..., 0], rgb[..., 1], rgb[..., 2] = label, green, 50
    return rgb


class Rig:
    """A node, a watcher with a camera, and an executor behind both."""

    def __init__(self, executor: str = "auto", namespace: str | None = None, **parameters: Any) -> None:
        values = {"model": "camvid", "engine": "onnxruntime", **parameters}
        overrides = [Parameter(key, value=value) for key, value in values.items()]
        self.node = EnetNode(namespace=namespace, parameter_overrides=overrides)
        self.watcher = rclpy.create_node("watcher")
        self.camera = self.watcher.create_publisher(Image, "image_raw", qos.keep_last(5, "reliable"))
        # Tests destroy this one while the executor spins.
        events = PublisherEventCallbacks(use_default_callbacks=False)
        profile = qos.keep_last(5, "reliable")
        self.info = self.watcher.create_publisher(CameraInfo, "camera_info", profile, event_callbacks=events)
        self._stopped = threading.Event()
        self._executor = process.make_executor(executor)
        self._executor.add_node(self.node)
        self._executor.add_node(self.watcher)
        self._thread = threading.Thread(target=process.spin, args=(self._executor, self._stopped))
        self._thread.start()
        self._stamp = 1_000_000_000

    def listen(self, topic: str, kind: type = Image, profile: Any = None) -> list[Any]:
        """A list that fills with the messages of a topic of the node ('mask'), or an absolute one."""
        heard: list[Any] = []
        absolute = topic if topic.startswith("/") else f"{self.node.get_fully_qualified_name()}/{topic}"
        self.watcher.create_subscription(kind, absolute, heard.append, profile or qos.keep_last(20, "reliable"))
        return heard

    def start(self) -> None:
        """Configure and activate."""
        assert self.node.trigger_configure().name == "SUCCESS"
        assert self.node.trigger_activate().name == "SUCCESS"

    def wait_for_camera(self, camera: Any = None) -> None:
        """Until the node is subscribed to a publisher of images, `self.camera` where None."""
        self._wait_until_heard(camera or self.camera, "_image")

    def wait_for_info(self) -> None:
        """Until the node is subscribed to the camera's calibration."""
        self._wait_until_heard(self.info, "_info")

    def _wait_until_heard(self, publisher: Any, subscription: str) -> None:
        """Both sides know of each other: a best-effort subscription misses what is sent before it does."""

        def is_heard() -> bool:
            camera = self.node._active._camera
            with camera._lock:
                heard = getattr(camera, subscription)
                return heard is not None and heard.get_publisher_count() > 0

        wait_for(
            lambda: publisher.get_subscription_count() == 1 and is_heard(),
            f"the node did not subscribe to {publisher.topic_name}",
        )

    def send(self, rgb: Any, **changes: Any) -> Image:
        """Publish a picture as the camera, with fields changed; stamps rise by a second."""
        self._stamp += 1_000_000_000
        header = Header(stamp=to_stamp(self._stamp), frame_id="camera_optical_frame")
        message = to_image(rgb, "rgb8", header)
        for name, value in changes.items():
            setattr(message, name, value)
        self.camera.publish(message)
        return message

    def counters(self) -> Any:
        """Of the active node."""
        return self.node._active.account.counters

    def close(self) -> None:
        """End it all."""
        self._stopped.set()
        self._executor.wake()
        self._thread.join()
        for node in (self.node, self.watcher):
            self._executor.remove_node(node)
            node.destroy_node()
