"""Hostile messages over real DDS to live nodes, which must live, answer good images afterwards and not grow.

  ./run exec python bench/fuzz_node.py                           5,000 to a node of raw images, 5,000 to one of JPEGs
  ./run exec python bench/fuzz_node.py --messages 500 --seed 7

Of five messages, three are images with spoilt fields, one is a spoilt calibration and one is serialized wrongly: cut or
changed bytes, as of a publisher with another definition of the message. Exit code 0: nothing found.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from fuzz import Rng, hostile_camera_info, hostile_compressed, hostile_image, mutated

from enet_ros.ros import process

WIDTH, HEIGHT = 160, 120
GROWN_MB = 200.0
GOOD = 20
PARAMETERS = {
    "input_width": 96,
    "input_height": 64,
    "camera_height": 1.5,
    "reliability": "reliable",
    "depth": 100,
    "max_pixels": 1_000_000,
}
PATIENCE_S = 60.0


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Attack:
    """One node in a namespace of its own, whatever it is sent, and what it answers."""

    def __init__(self, ros: Any, namespace: str, compressed: bool, log: IO[str]) -> None:
        """log: of what the node prints."""
        from nav_msgs.msg import OccupancyGrid
        from rclpy.serialization import serialize_message
        from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
        from std_msgs.msg import Header

        from enet_ros.msg import FreeSpace, SegmentationInfo
        from enet_ros.ros import qos

        self.namespace, self._compressed = namespace, compressed
        self.masks = 0
        self.info: list[Any] = []
        self._header, self._serialize = Header, serialize_message
        node = ros.create_node("attacker", namespace=namespace)
        sent = qos.keep_last(100, "reliable")
        kind, topic = (CompressedImage, "image_raw/compressed") if compressed else (Image, "image_raw")
        self._image = node.create_publisher(kind, topic, sent)
        self._calibration = node.create_publisher(CameraInfo, "camera_info", sent)
        below = f"{namespace}/segmentation"
        node.create_subscription(Image, f"{below}/mask", self._on_mask, qos.keep_last(100, "reliable"))
        node.create_subscription(SegmentationInfo, f"{below}/info", self.info.append, qos.latched())
        others = {"overlay": Image, "run_length": Image, "camera_info": CameraInfo, "free_space": FreeSpace}
        others |= {"obstacle_points": PointCloud2, "ground_points": PointCloud2, "occupancy_grid": OccupancyGrid}
        for name, type_ in others.items():
            node.create_subscription(type_, f"{below}/{name}", self._ignore, qos.keep_last(1, "best_effort"))
        values = {**PARAMETERS, "image_transport": "compressed" if compressed else "raw"}
        parameters = [part for name, value in values.items() for part in ("-p", f"{name}:={value}")]
        self.child = subprocess.Popen(
            [sys.executable, "-m", "enet_ros.ros.node.main", "--ros-args", "-r", f"__ns:={namespace}", *parameters],
            stdin=subprocess.DEVNULL,
            stderr=log,
        )

    def _on_mask(self, _: Any) -> None:
        self.masks += 1

    def _ignore(self, _: Any) -> None:
        pass

    def ready(self) -> None:
        """Until the node is active and both ends of the camera's topic have matched."""
        self._wait(lambda: bool(self.info) and self._image.get_subscription_count() > 0, "is not ready")
        time.sleep(1.0)

    def send(self, number: int, rng: Rng) -> None:
        """One hostile message. Its stamp and frame are hostile too."""
        from enet_ros.ros.messages import to_message, to_stamp

        stamp = int(rng.choice([0, 1, time.time_ns(), 2**31 * 10**9 - 1]))
        header = self._header(stamp=to_stamp(stamp), frame_id=str(rng.choice(["camera", "", "x" * 9999, "\u00e9/~"])))
        publisher = self._calibration if number % 5 == 3 else self._image
        if publisher is self._calibration:
            value: Any = hostile_camera_info(rng, HEIGHT, WIDTH)
        else:
            value = hostile_compressed(rng) if self._compressed else hostile_image(rng)
        message = to_message(value, header)
        publisher.publish(mutated(rng, self._serialize(message)) if number % 5 == 4 else message)

    def answers(self) -> bool:
        """Whether good images are answered."""
        from enet_ros.codec import compress
        from enet_ros.messages import compressed_image, image
        from enet_ros.ros.messages import to_message, to_stamp

        rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        value = compressed_image(compress(rgb, "jpeg"), "jpeg") if self._compressed else image(rgb, "rgb8")
        before = self.masks
        end_s = time.monotonic() + PATIENCE_S
        while self.masks < before + GOOD and time.monotonic() < end_s and self.child.poll() is None:
            self._image.publish(to_message(value, self._header(stamp=to_stamp(time.time_ns()))))
            time.sleep(0.05)
        return self.masks >= before + GOOD

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end_s or self.child.poll() is not None:
                raise TimeoutError(f"the node {self.namespace} {what}")
            time.sleep(0.05)


def attacked(ros: Any, compressed: bool, args: argparse.Namespace) -> list[str]:
    """What was found on one node; prints how it went."""
    namespace = f"/fuzz_{os.getpid()}_{'compressed' if compressed else 'raw'}"
    with tempfile.TemporaryFile("w+") as log:
        attack = Attack(ros, namespace, compressed, log)
        node = attack.child
        try:
            attack.ready()
            if not attack.answers():
                return [f"{namespace} does not answer at all"]
            before_mb, masks = resident_mb(node.pid), attack.masks
            for number in range(args.messages):
                if node.poll() is not None:
                    log.seek(0)
                    return [f"{namespace} ended with {node.returncode} at message {number}:\n{log.read()[-3000:]}"]
                attack.send(number, np.random.default_rng((args.seed, int(compressed), number)))
                time.sleep(1 / args.rate)
            masks = attack.masks - masks
            if not attack.answers():
                return [f"{namespace} does not answer good images afterwards"]
            grown_mb = resident_mb(node.pid) - before_mb
            print(
                f"{namespace}: {args.messages} messages, {masks} answered, seed {args.seed}; grew by {grown_mb:.0f} MB"
            )
            return [f"{namespace} grew by {grown_mb:.0f} MB"] if grown_mb > GROWN_MB else []
        except TimeoutError as error:
            return [str(error)]
        finally:
            node.send_signal(signal.SIGINT)
            node.wait(10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000, help="for each of the two nodes")
    parser.add_argument("--rate", type=float, default=100.0, metavar="HZ")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with process.running([], exit_s=None) as ros:
        found = [text for compressed in (False, True) for text in attacked(ros, compressed, args)]
    for text in found:
        print(f"FOUND: {text}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
