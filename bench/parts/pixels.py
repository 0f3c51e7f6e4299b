"""What a pixel costs at each size of the network's input: `./run exec python bench/parts/pixels.py`.

Processor time of one thread by pixel, the least of the runs, and page faults of an inference: a machine that does other
things disturbs neither.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from enet_ros import model_file
from enet_ros.engines import create
from enet_ros.figures import parse_size

SIZES = ("240x184", "480x360", "960x720", "1920x1080")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=model_file.DEFAULT)
    parser.add_argument("--engine", default="openvino")
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--runs", type=int, default=6)
    args = parser.parse_args()
    for precision in args.precisions:
        for text in SIZES:
            height, width = parse_size("size", text)
            engine = create(
                args.engine, model_file.resolve(args.model), size=(height, width), threads=1, precision=precision
            )
            image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
            engine.infer(image)
            taken = []
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            for _ in range(args.runs):
                begun = time.process_time()
                engine.infer(image)
                taken.append(time.process_time() - begun)
            faults = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults) // args.runs
            engine.close()
            each_ns = 1e9 * min(taken) / (height * width)
            print(f"{precision} {text:>9} {1e3 * min(taken):7.1f} ms, {each_ns:6.1f} ns a pixel, {faults} page faults")


if __name__ == "__main__":
    main()
