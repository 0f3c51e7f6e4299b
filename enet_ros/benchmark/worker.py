"""Measuring one case in a process of its own, `python -m enet_ros.benchmark.worker`: both ends of the pipe.

Runtimes disturb one another's threads in one process. The process reads a job as one line of JSON and answers
{"runtime": ...} or {"skip": reason}; then it answers a line {"runs": N} with {"times_ms": [...]}, and {"labels": FILE}
with {} once the labels of all frames are in that .npy file. It ends when its input does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from enet_ros.arrays import U8
from enet_ros.benchmark.cases import Case, Runner, Settings
from enet_ros.errors import EnetRosError, EngineError
from enet_ros.figures import size_text

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Worker:
    """The process from outside. Use as a context manager."""

    def __init__(self, case: Case, settings: Settings, frames: Path) -> None:
        self.case = case
        self.times_ms: list[float] = []
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(settings.threads))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "enet_ros.benchmark.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=Path(__file__).parents[2],
        )
        job = {
            **case._asdict(),
            "model": str(settings.model.resolve()),
            "threads": settings.threads,
            "opencv_model": str(settings.opencv_model.resolve()) if settings.opencv_model else "",
            "frames": str(frames),
        }
        self.runtime, self.skip = "", ""
        self._send(job)

    def opened(self) -> bool:
        """Wait until the case runs. False where it does not work here; `skip` then says why."""
        opened = self._receive()
        self.runtime, self.skip = str(opened.get("runtime", "")), str(opened.get("skip", ""))
        return not self.skip

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        if kind is not None:
            self._process.kill()
        with suppress(BrokenPipeError):  # it has ended already
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(self, runs: int) -> None:
        """Add to `times_ms` the times of some more runs."""
        self._send({"runs": runs})
        self.times_ms += self._receive()["times_ms"]

    def labels(self, file: Path) -> U8:
        """The labels of every frame, (N, H, W) uint8, by way of a file."""
        self._send({"labels": str(file)})
        self._receive()
        labels: U8 = np.load(file)
        return labels

    def _send(self, command: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._dead() from None

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._dead()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _dead(self) -> EngineError:
        return EngineError(
            f"the process that measured {self.case.name} at {size_text(self.case.size)} ended with code "
            f"{self._process.wait()}; its last words are above"
        )


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
    """Serve one job until the input ends."""

    def answer(**values: Any) -> None:
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    job = json.loads(commands.readline())
    frames: U8 = np.load(job["frames"], mmap_mode="r")
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
