"""The process in which one case is measured: `python -m enet_ros.benchmark.worker`.

Reads a job as one line of JSON, answers {"runtime": ...} or {"skip": reason}; then a line {"runs": N} is answered with
{"times_ms": [...]}, and {"labels": FILE} with {} once the labels of all frames are in that .npy file. Ends with its
input. Runtimes disturb one another's threads in one process, so each has its own.
"""

from __future__ import annotations

import json
import os
import sys
import time
from itertools import count
from pathlib import Path
from typing import IO, Any

import numpy as np

from enet_ros.benchmark.runner import Runner, UInt8
from enet_ros.errors import EnetRosError


def open_runner(job: dict[str, Any]) -> Runner:
    """The engine or peer that a job names. Raises EnetRosError or ImportError where it does not work here."""
    size = (int(job["size"][0]), int(job["size"][1]))
    if job["engine"]:
        from enet_ros.engines import create

        engine = create(job["engine"], job["model"], size=size, precision=job["precision"], threads=job["threads"])
        return Runner(engine.info.runtime, lambda image: engine.infer(image).labels)
    from enet_ros.benchmark import peers

    return peers.open_peer(job["name"], Path(job["model"]), size, job["threads"], job["opencv_model"])


def serve(commands: IO[str], answers: IO[str]) -> None:
    """One job, until the input ends."""

    def answer(**values: Any) -> None:
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    job = json.loads(commands.readline())
    frames: UInt8 = np.load(job["frames"], mmap_mode="r")
    images = [np.array(frame) for frame in frames]
    try:
        runner = open_runner(job)
        runner.infer(images[0])
    except (EnetRosError, ImportError) as error:
        answer(skip=str(error))
        return
    answer(runtime=runner.runtime)
    turn = count()
    for line in commands:
        command = json.loads(line)
        if "labels" in command:
            np.save(command["labels"], np.stack([runner.infer(image) for image in images]))
            answer()
            continue
        runner.infer(images[0])  # the others' turns have emptied the caches
        times = []
        for _ in range(command["runs"]):
            image = images[next(turn) % len(images)]
            started = time.perf_counter()
            runner.infer(image)
            times.append((time.perf_counter() - started) * 1e3)
        answer(times_ms=times)


def main() -> None:
    """Serve on standard input and output; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
