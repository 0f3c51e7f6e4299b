"""The node as people write it beside ours: same camera, same weights, one after the other.

    ./run exec python bench/peer_node.py --seconds 30

As people write it: rclpy, cv_bridge's conversions, the network in eager PyTorch with the plain network's labels, queues
of depth 10, rclpy.spin. (cv_bridge's Python is a view of the message and `frombytes`; its colour conversion is
OpenCV's, as here.) The camera sends reliably, as queues of depth 10 ask for, and through the shared memory of
config/fastdds.xml: without it the peer would hardly receive an image of this size.

answered: masks of the images sent. age: of the newest answer that a planner has, looked at every 5 ms. cores: processor
time of the node by the time that it was watched.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from ros_bench import NAMESPACE, NODE, Camera, Heard, Listener, send

from enet_ros import figures

LOOK_NS = 5_000_000


def peer_main() -> None:
    import cv2
    import rclpy
    import torch
    from rclpy.node import Node
    from sensor_msgs.msg import Image

    from enet_ros import model_file, nn

    values = json.loads(sys.argv[2])
    model = model_file.load(model_file.resolve(values["model"]))
    network = nn.build(model).eval()
    height, width = model.card.input_size
    mean, std = (torch.tensor(value).view(1, 3, 1, 1) for value in (model.card.mean, model.card.std))

    class Segmentation(Node):
        def __init__(self) -> None:
            super().__init__("segmentation", namespace=values["namespace"])
            self.create_subscription(Image, "image_raw", self.on_image, 10)
            self.publisher = self.create_publisher(Image, "~/mask", 10)

        def on_image(self, message: Image) -> None:
            shape = (message.height, message.step // 3, 3)
            rgb = np.ndarray(shape, np.uint8, buffer=message.data)  # imgmsg_to_cv2(message, "rgb8")
            small = cv2.resize(rgb, (width, height))
            pixels = torch.from_numpy(small).permute(2, 0, 1).unsqueeze(0).float().contiguous()
            with torch.no_grad():
                labels = network((pixels - mean) / std).argmax(1)[0].to(torch.uint8).numpy()
            mask = cv2.resize(labels, (message.width, message.height), interpolation=cv2.INTER_NEAREST)
            answer = Image(height=message.height, width=message.width, encoding="mono8", step=message.width)
            answer.header = message.header
            answer.data.frombytes(mask.tobytes())  # cv2_to_imgmsg(mask, "mono8")
            self.publisher.publish(answer)

    rclpy.init()
    rclpy.spin(Segmentation())


class Outcome(NamedTuple):
    """sent, masks: how many. age_ms: of the newest answer, at every look. cores: that the node kept busy."""

    sent: int
    masks: int
    age_ms: list[float]
    cores: float


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ages_ms(masks: list[Heard]) -> list[float]:
    """Of the newest answer, from the first answer to the last."""
    received = np.array([mask.received_ns for mask in masks])
    newest = np.maximum.accumulate([mask.stamp_ns for mask in masks])
    looks = np.arange(received[0], received[-1], LOOK_NS)
    found: list[float] = ((looks - newest[np.searchsorted(received, looks, "right") - 1]) / 1e6).tolist()
    return found


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process in this one's session, since Linux shares the processors out by session."""
    child = subprocess.Popen([sys.executable, *arguments])
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def observed(ros: Any, camera: Camera, child: subprocess.Popen[Any], ready: Callable[[Listener, Any], bool]) -> Outcome:
    node = ros.create_node("bench")
    listener = Listener(node, [])
    while not ready(listener, node):
        assert child.poll() is None, "the node ended"
        time.sleep(0.05)
    time.sleep(2.0)
    began, cpu = time.monotonic(), cpu_s(child.pid)
    sent = send(camera)
    time.sleep(2.0)  # what is queued
    cores = (cpu_s(child.pid) - cpu) / (time.monotonic() - began)
    masks = list(listener.masks)
    return Outcome(sent, len(masks), ages_ms(masks), cores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--model", default="road")
    args = parser.parse_args()
    from enet_ros.ros import process

    camera = Camera(args.width, args.height, args.rate, round(args.rate * args.seconds), reliable=True)
    print(f"{args.width}x{args.height} at {args.rate:g} Hz for {args.seconds:g} s")
    with process.running([], exit_s=None) as ros:
        values = json.dumps({"model": args.model, "namespace": NAMESPACE})
        with started(__file__, "peer", values) as child:
            peer = observed(ros, camera, child, lambda _, node: node.count_publishers(f"{NODE}/mask") > 0)
        ours_is = (
            "-m",
            "enet_ros.ros.node.main",
            "--ros-args",
            "-r",
            f"__ns:={NAMESPACE}",
            "-p",
            f"model:={args.model}",
        )
        with started(*ours_is) as child:
            ours = observed(ros, camera, child, lambda listener, _: bool(listener.info))
    for name, outcome in (("as people write it", peer), ("enet_ros", ours)):
        p50, p99 = figures.percentiles(outcome.age_ms, 50, 99)
        share = 100 * outcome.masks / outcome.sent
        print(f"{name:20} answered {share:5.1f} %, age p50 {p50:6.0f} p99 {p99:6.0f} ms, {outcome.cores:.2f} cores")


if __name__ == "__main__":
    peer_main() if sys.argv[1:2] == ["peer"] else main()
