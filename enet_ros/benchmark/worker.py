"""Measuring one case in a process of its own: both ends of the pipe.

Runtimes disturb one another's threads in one process. The two sides exchange pickled values: first the case, the
settings and the images, answered by the runtime's name or by a `Skipped`; then numbers of runs, answered by their times
in ms, or "labels", answered by those of all images. The process ends when its input does.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from enet_ros.arrays import U8
from enet_ros.benchmark.cases import Case, Settings, Skipped
from enet_ros.engines import create
from enet_ros.errors import EnetRosError, EngineError
from enet_ros.figures import size_text

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Worker:
    """The process from outside. Use as a context manager."""

    def __init__(self, case: Case, settings: Settings) -> None:
        self.case = case
        self.times_ms: list[float] = []
        self.runtime = ""
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(settings.threads))}
        environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from enet_ros.benchmark.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._settings = settings

    def open(self, images: U8) -> Skipped | None:
        """Open the case, to run it on images (N, H, W, 3) uint8; returns why it does not work here, if so."""
        answer = self._ask((self.case, self._settings, images))
        if isinstance(answer, Skipped):
            return answer
        self.runtime = answer
        return None

    def run(self, runs: int) -> None:
        """Add to `times_ms` the times of some more runs."""
        self.times_ms += self._ask(runs)

    def labels(self) -> U8:
        """The labels of every image, (N, H, W) uint8."""
        labels: U8 = self._ask("labels")
        return labels

    def _ask(self, question: object) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            pickle.dump(question, self._process.stdin)
            self._process.stdin.flush()
            return pickle.load(self._process.stdout)
        except (BrokenPipeError, EOFError):
            raise EngineError(
                f"the process that measured {self.case.name} at {size_text(self.case.size)} ended with code "
                f"{self._process.wait()}; its last words are above"
            ) from None

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


def _opened(case: Case, settings: Settings) -> tuple[str, Callable[[U8], U8]]:
    """Runtime and inference of a case. Raises EnetRosError or ImportError where it does not work here."""
    model, threads = settings.model, settings.threads
    if case.engine:
        engine = create(case.engine, model, size=case.size, precision=case.precision, threads=threads)
        return engine.info.runtime, lambda image: engine.infer(image).labels
    from enet_ros.benchmark.peers import open_peer  # imports torch

    return open_peer(case.name, model, case.size, threads, settings.opencv_model)


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the input ends."""

    def answer(value: object) -> None:
        pickle.dump(value, answers)
        answers.flush()

    case, settings, images = pickle.load(questions)
    try:
        runtime, infer = _opened(case, settings)
        infer(images[0])
    except (EnetRosError, ImportError) as error:
        answer(Skipped(case, str(error)))
        return
    answer(runtime)
    turn = count()
    with suppress(EOFError):
        while True:
            question = pickle.load(questions)
            if question == "labels":
                answer(np.stack([infer(image) for image in images]))
                continue
            infer(images[0])  # the others' turns have emptied the caches
            times = []
            for _ in range(question):
                image = images[next(turn) % len(images)]
                started = time.perf_counter()
                infer(image)
                times.append((time.perf_counter() - started) * 1e3)
            answer(times)


def main() -> None:
    """Serve on standard input and output; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)
