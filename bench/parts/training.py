"""Time of a training step, with freed memory given back to the kernel and with it kept, as `enet_ros train` does.

python bench/parts/training.py [--steps 10] [--rounds 3]

Each measurement is a process of its own; the two take turns.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BATCH, SIZE, WARM_UP = 8, (360, 480), 3


def steps(keep: bool, count: int) -> float:
    """Median seconds of a step, after the first few."""
    from enet_ros.card import ModelCard
    from enet_ros.classes import CAMVID
    from enet_ros.memory import keep_everything
    from enet_ros.spec import ENetSpec
    from enet_ros.train.batches import Part
    from enet_ros.train.loop import RunConfig, Trainer
    from enet_ros.train.mix import Mix, Targets
    from enet_ros.train.recipe import DEFAULT

    if keep and not keep_everything():
        sys.exit("there is no glibc here")
    rng = np.random.default_rng(0)
    pairs = [(rng.integers(0, 256, (*SIZE, 3), np.uint8), rng.integers(0, 11, SIZE, np.uint8)) for _ in range(BATCH)]
    times: list[float] = []
    with tempfile.TemporaryDirectory() as out:
        config = RunConfig(Path(out), fast=True, report=lambda progress: times.append(time.perf_counter()))
        recipe = DEFAULT.with_(epochs=WARM_UP + count, batch=BATCH)
        mix = Mix(Targets(CAMVID), [Part(pairs)], pairs, [], "")
        Trainer(ModelCard("bench", ENetSpec(11), CAMVID, SIZE), recipe, mix, config).run()
    return statistics.median(np.diff(times)[WARM_UP - 1 :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--arm", choices=("returned", "kept"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.arm:
        print(steps(args.arm == "kept", args.steps))
        return
    found: dict[str, list[float]] = {"returned": [], "kept": []}
    for _ in range(args.rounds):
        for arm, values in found.items():
            command = [sys.executable, __file__, "--steps", str(args.steps), "--arm", arm]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            values.append(float(done.stdout.split()[-1]))
    medians = {arm: statistics.median(values) for arm, values in found.items()}
    for arm, value in medians.items():
        print(f"memory {arm:9s} {value:.3f} s a step of {BATCH} images at {SIZE[1]}x{SIZE[0]}")
    print(f"ratio {medians['kept'] / medians['returned']:.2f}")


if __name__ == "__main__":
    main()
