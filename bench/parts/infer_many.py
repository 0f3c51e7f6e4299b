"""Frames per second of an engine's throughput mode, `infer_many`, against one frame after the other, in turns.

python bench/parts/infer_many.py --images DIR [--engine openvino] [--frames 100] [--rounds 5]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from enet_ros.engines import ENGINES, create
from enet_ros.frames.files import from_folder
from enet_ros.model_file import resolve
from enet_ros.segmenter import stretched


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="a folder of camera frames")
    parser.add_argument("--model", default="camvid")
    parser.add_argument("--engine", default="openvino", choices=tuple(ENGINES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=100, help="frames in a round, 20 images in turn")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    engine = create(args.engine, resolve(args.model), threads=args.threads)
    images = [stretched(frame.rgb, engine.info.size) for frame in from_folder(args.images).evenly(20)]
    work = [images[index % len(images)] for index in range(args.frames)]
    next(engine.infer_many(images))  # builds the second network
    speeds: dict[str, list[float]] = {"infer": [], "infer_many": []}
    for _ in range(args.rounds):
        started = time.perf_counter()
        for image in work:
            engine.infer(image)
        between = time.perf_counter()
        for _inference in engine.infer_many(work):
            pass
        speeds["infer"].append(len(work) / (between - started))
        speeds["infer_many"].append(len(work) / (time.perf_counter() - between))
    ratio = np.median(np.array(speeds["infer_many"]) / np.array(speeds["infer"]))
    print(", ".join(f"{n}: {np.median(v):.1f} frames/s" for n, v in speeds.items()) + f", ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
