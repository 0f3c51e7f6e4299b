"""What looking at a node costs it: masks per second with and without a viewer, by turns, in one run.

    ./run exec python bench/viewing.py --view drive.rrd
    ./run exec python bench/viewing.py --view web --look-rate 5

The camera sends faster than the node answers, so that whatever the viewer takes is missing. This process listens to the
mask throughout. CPU time per mask, of node and viewer together, compares the same where other work disturbs the rate.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from ros_bench import NAMESPACE, NODE, Camera, common_arguments, send

SETTLE_S = 3.0
"""For a viewer to have found the node, and after it has gone."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--view", default="web", help="as `ros2 run enet_ros view` takes it (%(default)s)")
    parser.add_argument(
        "--look-rate", type=float, nargs="+", default=[1.0, 2.0], help="frames shown per second (%(default)s)"
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
        turns = []
        for _ in range(args.turns):
            without = window(masks, args.seconds, [child.pid])
            viewer = view(args.view, look_rate)
            time.sleep(SETTLE_S)
            turns.append((without, window(masks, args.seconds, [child.pid, viewer.pid])))
            assert viewer.poll() is None, "the viewer ended"
            viewer.send_signal(signal.SIGINT)
            viewer.wait(10)
            time.sleep(1.0)
        rates = statistics.median(b.masks_hz / a.masks_hz for a, b in turns)
        costs = statistics.median(a.cpu_ms / b.cpu_ms for a, b in turns)
        each = "  ".join(f"{a.masks_hz:.1f}/{b.masks_hz:.1f}" for a, b in turns)
        print(
            f"{args.width}x{args.height}, {look_rate:g} looks/s: {rates:.3f} of the rate (masks/s {each}), "
            f"{costs:.3f} of the masks a CPU second (ms each {cpu(turns)})",
            flush=True,
        )


class Window(NamedTuple):
    """masks_hz: masks per second. cpu_ms: CPU time of node and viewer per mask."""

    masks_hz: float
    cpu_ms: float


def cpu(turns: list[tuple[Window, Window]]) -> str:
    """Medians without and with a viewer."""
    return "/".join(f"{statistics.median(turn[side].cpu_ms for turn in turns):.1f}" for side in (0, 1))


def window(masks: list[int], seconds: float, pids: list[int]) -> Window:
    """From now on. pids: the processes that count, with their children."""
    before, spent_s, begun_s = masks[0], cpu_s(pids), time.monotonic()
    time.sleep(seconds)
    count = masks[0] - before
    return Window(count / (time.monotonic() - begun_s), (cpu_s(pids) - spent_s) / count * 1e3)


def cpu_s(pids: list[int]) -> float:
    """CPU time that processes and their children have used up to now."""
    ticks, found = 0, set(pids)
    stats = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            stats[int(entry.parent.name)] = (int(fields[1]), int(fields[11]) + int(fields[12]))
    for pid in sorted(stats):  # a parent has the lower number
        parent, used = stats[pid]
        if pid in found or parent in found:
            found.add(pid)
            ticks += used
    return ticks / os.sysconf("SC_CLK_TCK")


def view(where: str, look_rate: float) -> subprocess.Popen[Any]:
    """A viewer of the node."""
    command = [sys.executable, "-m", "enet_ros.ros.view.main", NODE, "--view", where, "--rate", str(look_rate)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)


if __name__ == "__main__":
    main()
