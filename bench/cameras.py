"""Several cameras on one machine: a process for each, against one container whose nodes share one network.

    ./run exec python bench/cameras.py --seconds 20

A row for each number of cameras and each way: masks per second in sum and by camera, the spread (most / least), image
to mask (header stamp to its arrival here), the memory of the nodes (PSS, mid-run).
Goals at 3 cameras: sum 1.25 times that of the processes, spread 1.10, p50 0.6 of theirs, 30 MB for each further camera.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from ros_bench import NAMESPACE, Camera, common_arguments, send

from enet_ros import figures
from enet_ros.stamps import NS, cdr_stamp_ns

WAYS = ("processes", "container")


class Row(NamedTuple):
    """One run. rates: masks per second of each camera; p50, p99 in ms."""

    rates: list[float]
    p50: float
    p99: float
    memory_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, nargs="+", default=[1, 2, 3, 6])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument(
        "--rate", type=float, default=60.0, help="of each camera, Hz; high enough to use the machine up"
    )
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    common_arguments(parser)
    args = parser.parse_args()
    print(f"{args.width}x{args.height} at {args.rate:g} Hz each, {args.seconds:g} s, engine {args.engine}")
    print("| cameras | | masks/s in sum | each | spread | p50 ms | p99 ms | memory MB |")
    print("|---:|---|---:|---|---:|---:|---:|---:|")
    for count in args.cameras:
        rows = {way: run(way, count, args) for way in WAYS}
        for way, row in rows.items():
            each = " ".join(f"{rate:.1f}" for rate in row.rates)
            spread = max(row.rates) / max(min(row.rates), 1e-9)
            print(
                f"| {count} | {way} | {sum(row.rates):.1f} | {each} | {spread:.2f} | {row.p50:.0f} | {row.p99:.0f} "
                f"| {row.memory_mb:.0f} |"
            )
        apart, together = rows["processes"], rows["container"]
        print(
            f"| {count} | ratio | {sum(together.rates) / sum(apart.rates):.2f} | | | {together.p50 / apart.p50:.2f} "
            f"| {together.p99 / apart.p99:.2f} | {together.memory_mb / apart.memory_mb:.2f} |",
            flush=True,
        )


def run(way: str, count: int, args: argparse.Namespace) -> Row:
    """Start the nodes, send, listen."""
    from sensor_msgs.msg import Image

    from enet_ros.msg import SegmentationInfo
    from enet_ros.ros import process, qos
    from enet_ros.ros.session.session import node_process

    names = [f"cam{number}_{way}" for number in range(count)]
    heard: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
    ready: list[Any] = []
    values = {
        "model": args.model,
        "engine": args.engine,
        "executor": args.executor,
        "keep_pages": args.keep_pages,
    }
    parameters = list(itertools.chain(*(("-p", f"{name}:={value}") for name, value in values.items())))
    with process.running([], exit_s=None) as ros, ExitStack() as stack:
        node = ros.create_node(f"bench_{way}")
        for name in names:
            topic = f"{NAMESPACE}/{name}/segmentation"
            profile = qos.keep_last(5, "reliable")
            node.create_subscription(Image, f"{topic}/mask", _noting(heard[name]), profile, raw=True)
            node.create_subscription(SegmentationInfo, f"{topic}/info", ready.append, qos.latched())
        if way == "container":
            spaces = [f"{NAMESPACE}/{name}" for name in names]
            command = [sys.executable, "-m", "enet_ros.ros.node.container", *spaces, "--ros-args", *parameters]
            started = [stack.enter_context(subprocess.Popen(command, text=True))]
            stack.callback(started[0].terminate)
        else:
            remaps = [{"__ns": f"{NAMESPACE}/{name}"} for name in names]
            started = [stack.enter_context(node_process(values, remap)) for remap in remaps]
        while len(ready) < count:
            assert all(child.poll() is None for child in started), "a node ended"
            time.sleep(0.05)
        camera = Camera(args.width, args.height, args.rate, round(args.rate * args.seconds), False, tuple(names))
        memory: list[float] = []
        measured = threading.Timer(
            args.seconds / 2 + 2.0, lambda: memory.append(sum(pss_mb(child.pid) for child in started))
        )
        measured.start()
        send(camera)
        measured.join()
    ages = [(now - stamp) / 1e6 for pairs in heard.values() for stamp, now in pairs]
    p50, p99 = figures.percentiles(ages, 50, 99)
    arrivals = [now for pairs in heard.values() for _, now in pairs]
    seconds = (max(arrivals) - min(arrivals)) / NS  # the sender may take longer than it should
    return Row([len(pairs) / seconds for pairs in heard.values()], p50, p99, memory[0])


def _noting(pairs: list[tuple[int, int]]) -> Callable[[bytes], None]:
    return lambda data: pairs.append((cdr_stamp_ns(data), time.time_ns()))


def pss_mb(pid: int) -> float:
    """Proportional set size of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    main()
