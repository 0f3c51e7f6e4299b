"""What looking at a node costs it: masks per second with and without a viewer, by turns, in one run.

    ./run exec python bench/viewing.py --view drive.rrd
    ./run exec python bench/viewing.py --view web --look-rate 5

The camera sends faster than the node answers, so that whatever the viewer takes is missing. A process of its own
listens to the mask throughout.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

from ros_bench import NAMESPACE, NODE, Camera, common_arguments, send

SETTLE_S = 3.0
"""For a viewer to have found the node, and after it has gone."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--view", default="web", help="as `ros2 run enet_ros view` takes it (%(default)s)")
    parser.add_argument(
        "--look-rate", type=float, nargs="+", default=[2.0], help="frames shown per second (%(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="of each turn (%(default)s)")
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--rate", type=float, default=120.0, help="of the camera, Hz; more than the node can answer")
    common_arguments(parser)
    args = parser.parse_args()
    for look_rate in args.look_rate:
        run(args, look_rate)


def run(args: argparse.Namespace, look_rate: float) -> None:
    """Print a line."""
    from sensor_msgs.msg import Image

    from enet_ros.msg import SegmentationInfo
    from enet_ros.ros import process, qos
    from enet_ros.ros.session.session import node_process

    seconds = args.turns * 2 * (args.seconds + SETTLE_S) + 5.0
    camera = Camera(args.width, args.height, args.rate, round(seconds * args.rate), reliable=False)
    parameters = {"engine": args.engine, "camera_height": 1.5, "camera_pitch": 0.05}
    masks, infos = [0], []

    def count(_: bytes) -> None:
        masks[0] += 1

    with process.running([], exit_s=None) as ros, node_process(parameters, {"__ns": NAMESPACE}) as child:
        node = ros.create_node("bench")
        node.create_subscription(Image, f"{NODE}/mask", count, qos.keep_last(10, "reliable"), raw=True)
        node.create_subscription(SegmentationInfo, f"{NODE}/info", infos.append, qos.latched())
        while not infos:
            assert child.poll() is None, "the node ended"
            time.sleep(0.05)
        sender = threading.Thread(target=send, args=(camera,), daemon=True)
        sender.start()
        while masks[0] < 30:
            time.sleep(0.05)
        without, looked_at = [], []
        for _ in range(args.turns):
            without.append(rate(masks, args.seconds))
            viewer = view(args.view, look_rate)
            time.sleep(SETTLE_S)
            looked_at.append(rate(masks, args.seconds))
            assert viewer.poll() is None, "the viewer ended"
            viewer.send_signal(signal.SIGINT)
            viewer.wait(10)
            time.sleep(1.0)
        ratio = statistics.median(b / a for a, b in zip(without, looked_at, strict=True))
        each = "  ".join(f"{a:.1f}/{b:.1f}" for a, b in zip(without, looked_at, strict=True))
        print(
            f"{args.width}x{args.height}, {look_rate:g} looks/s: {ratio:.3f} of the rate (masks/s {each})", flush=True
        )


def rate(masks: list[int], seconds: float) -> float:
    """Masks per second, from now on."""
    before, begun_s = masks[0], time.monotonic()
    time.sleep(seconds)
    return (masks[0] - before) / (time.monotonic() - begun_s)


def view(where: str, look_rate: float) -> subprocess.Popen[Any]:
    """A viewer of the node."""
    command = [sys.executable, "-m", "enet_ros.ros.view.main", NODE, "--view", where, "--rate", str(look_rate)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)


if __name__ == "__main__":
    main()
