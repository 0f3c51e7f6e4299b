"""Shared by the benchmarks of the node: a camera in one process, the node in another, and this one listening."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any, NamedTuple

from enet_ros import figures
from enet_ros.stamps import stamp_ns

NAMESPACE = f"/enet_bench_{os.getpid()}"
NODE = f"{NAMESPACE}/segmentation"


class Camera(NamedTuple):
    """names: several cameras of the same kind, by namespace, which take turns."""

    width: int
    height: int
    rate_hz: float
    frames: int
    reliable: bool
    names: tuple[str, ...] = ("",)


def camera_main() -> None:
    """Publishes made-up pictures, stamped right before; the first after a subscriber has come. Prints how many."""
    from enet_ros.ros import process

    values = json.loads(sys.argv[2])
    camera = Camera(**values["camera"])
    with process.running(["--ros-args", "-r", f"__ns:={values['namespace']}"]) as ros:
        _publish(ros.create_node("camera"), camera)
    print(camera.frames, flush=True)


def _publish(node: Any, camera: Camera) -> None:
    from sensor_msgs.msg import CameraInfo, Image
    from std_msgs.msg import Header

    from enet_ros.ros import qos
    from enet_ros.ros.messages import to_image, to_stamp
    from enet_ros.street import Street

    profile = qos.keep_last(1, "reliable" if camera.reliable else "best_effort")
    prefixes = [f"{name}/" if name else "" for name in camera.names]
    images = [node.create_publisher(Image, f"{prefix}image_raw", profile) for prefix in prefixes]
    infos = [node.create_publisher(CameraInfo, f"{prefix}camera_info", profile) for prefix in prefixes]
    street = Street(0, camera.width, camera.height)
    pictures = [to_image(street.frame(10 * n).image, "rgb8", Header()) for n in range(8)]
    lens = street.intrinsics
    info = CameraInfo(width=lens.width, height=lens.height, k=lens.k.reshape(-1), distortion_model="plumb_bob")
    while any(publisher.get_subscription_count() == 0 for publisher in images):
        time.sleep(0.01)
    time.sleep(1.0)  # both ends of the match
    start_s = time.monotonic()
    for number in range(camera.frames * len(images)):
        time.sleep(max(0.0, start_s + number / len(images) / camera.rate_hz - time.monotonic()))
        message = pictures[number % len(pictures)]
        header = Header(stamp=to_stamp(time.time_ns()), frame_id="camera_optical_frame")
        message.header = info.header = header
        infos[number % len(images)].publish(info)
        header.stamp = to_stamp(time.time_ns())
        images[number % len(images)].publish(message)
    time.sleep(0.5)


class Heard(NamedTuple):
    """One answered frame: header stamp, when its mask came (wall clock, ns)."""

    stamp_ns: int
    received_ns: int


class Listener:
    """Subscribes to outputs of the node; all but the mask are taken unparsed and thrown away."""

    def __init__(self, node: Any, topics: list[str]) -> None:
        from diagnostic_msgs.msg import DiagnosticArray

        from enet_ros.msg import Latency, SegmentationInfo
        from enet_ros.ros import qos
        from enet_ros.ros.session.session import TOPICS

        self.masks: list[Heard] = []
        self.latencies: dict[int, Latency] = {}
        self.info: list[SegmentationInfo] = []
        self.status: dict[str, str] = {}
        self.others = 0
        profile = qos.keep_last(10, "reliable")
        node.create_subscription(TOPICS["mask"], f"{NODE}/mask", self._on_mask, profile)
        node.create_subscription(Latency, f"{NODE}/latency", self._on_latency, profile)
        node.create_subscription(SegmentationInfo, f"{NODE}/info", self.info.append, qos.latched())
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_status, profile)
        for topic in topics:
            node.create_subscription(TOPICS[topic], f"{NODE}/{topic}", self._on_other, profile, raw=True)

    def _on_mask(self, message: Any) -> None:
        now = time.time_ns()
        self.masks.append(Heard(stamp_ns(message.header.stamp), now))

    def _on_latency(self, message: Any) -> None:
        self.latencies[stamp_ns(message.header.stamp)] = message

    def _on_other(self, _: bytes) -> None:
        self.others += 1

    def _on_status(self, message: Any) -> None:
        for status in message.status:
            if status.hardware_id == NODE.lstrip("/"):
                self.status |= {value.key: value.value for value in status.values}


def send(camera: Camera) -> int:
    """Run the camera in a process of its own to its last frame; returns how many frames of each it sent."""
    values = json.dumps({"camera": camera._asdict(), "namespace": NAMESPACE})
    source = subprocess.Popen([sys.executable, __file__, "camera", values], stdout=subprocess.PIPE, text=True)
    try:
        return int(source.communicate()[0])
    finally:
        source.kill()


def run(camera: Camera, topics: list[str], parameters: dict[str, object]) -> tuple[int, Listener]:
    """(images sent, what was heard), after the camera's last frame and what follows it."""
    from enet_ros.ros import process
    from enet_ros.ros.session.session import node_process

    with process.running([], exit_s=None) as ros, node_process(parameters, {"__ns": NAMESPACE}) as child:
        node = ros.create_node("bench")
        listener = Listener(node, topics)
        while not listener.info:
            assert child.poll() is None, "the node ended"
            time.sleep(0.05)
        sent = send(camera)
        time.sleep(2.5)  # the last frame, and diagnostics with its count
        return sent, listener


def percentiles(values: list[float]) -> str:
    p50, p99 = figures.percentiles(values, 50, 99)
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, of {len(values)}"


def common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="camvid")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--executor", default="auto", choices=("auto", "events", "single"))
    parser.add_argument("--keep-pages", default="true", choices=("true", "false"))


def parameters(args: argparse.Namespace) -> dict[str, object]:
    return {
        "model": args.model,
        "engine": args.engine,
        "executor": args.executor,
        "keep_pages": args.keep_pages,
        "camera_height": 1.5,
        "camera_pitch": 0.04,
    }


if __name__ == "__main__" and sys.argv[1:2] == ["camera"]:
    camera_main()
