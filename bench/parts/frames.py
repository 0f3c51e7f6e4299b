"""Time of a frame before and beside the network: every raw encoding, JPEG, resizing, and the synthetic street.

  python bench/parts/frames.py [--width 960] [--height 720] [--repeat 60]

Prints medians in milliseconds, all measured in one run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np

from enet_ros.codec import ENCODINGS, RawImage, decode_compressed, to_rgb
from enet_ros.codec.layouts import Family
from enet_ros.segmenter import stretched
from enet_ros.street import Street


def median_ms(work: Callable[[int], object], repeat: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Median time of work(0), work(1), ..., milliseconds by a clock."""
    took = []
    for index in range(repeat):
        started = clock()
        work(index)
        took.append(clock() - started)
    return float(np.median(took)) * 1e3


def raw_image(encoding: str, width: int, height: int) -> RawImage:
    """Random bytes in a layout without padding."""
    layout = ENCODINGS[encoding]
    step = width * layout.channels * layout.sample_bytes
    planes = {Family.YUV420: 1.5, Family.YUV444: 3}.get(layout.family, 1)
    data = np.random.default_rng(0).integers(0, 256, round(step * height * planes), dtype=np.uint8)
    return RawImage(encoding, height, width, step, False, data.tobytes())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=960)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--repeat", type=int, default=60)
    options = parser.parse_args()
    size = (options.width, options.height)
    for encoding in ENCODINGS:
        raw = raw_image(encoding, *size)
        print(f"{encoding:14} {median_ms(lambda _, raw=raw: to_rgb(raw), options.repeat):7.3f}")  # type: ignore[misc]
    started = time.perf_counter()
    street = Street(0, *size)
    print(f"{'street: build':14} {(time.perf_counter() - started) * 1e3:7.0f}")
    picture = street.frame(0).image
    print(f"{'street: frame':14} {median_ms(lambda index: street.frame(index * 7), options.repeat):7.2f}")
    cpu = median_ms(lambda index: street.frame(index * 7), options.repeat, time.process_time)
    print(f"{'street: CPU':14} {cpu:7.2f}")
    jpeg = bytes(cv2.imencode(".jpg", picture)[1])
    print(f"{'jpeg':14} {median_ms(lambda _: decode_compressed('jpeg', jpeg), options.repeat):7.2f}")
    target = np.empty((360, 480, 3), np.uint8)
    print(f"{'to 480x360':14} {median_ms(lambda _: stretched(picture, (360, 480), target), options.repeat):7.3f}")


if __name__ == "__main__":
    main()
