"""Time of filling `Image.data`, in each possible way.

./run exec python bench/parts/publish_cost.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from sensor_msgs.msg import Image

from enet_ros.ros.messages import to_sequence


def milliseconds(fill: Callable[[Image], None], repeats: int) -> float:
    """Median of one fill."""
    found = []
    for _ in range(repeats):
        message = Image()
        started = time.perf_counter()
        fill(message)
        found.append((time.perf_counter() - started) * 1e3)
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    args = parser.parse_args()
    values = np.random.default_rng(0).integers(0, 256, (args.height, args.width, 3), np.uint8)

    def by_array(message: Image) -> None:
        message.data = to_sequence(values)

    def by_bytes(message: Image) -> None:
        message.data = values.tobytes()

    def by_memoryview(message: Image) -> None:
        message.data = memoryview(values).cast("B")

    def by_ndarray(message: Image) -> None:
        message.data = values.reshape(-1)

    print(f"filling Image.data, {args.width}x{args.height} rgb8")
    ways = {"array.frombytes (ours)": by_array, "bytes": by_bytes, "memoryview": by_memoryview, "ndarray": by_ndarray}
    for name, fill in ways.items():
        repeats = 200 if name.startswith("array") else 7
        print(f"  {name:24s} {milliseconds(fill, repeats):8.2f} ms")


if __name__ == "__main__":
    main()
