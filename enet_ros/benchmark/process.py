"""The process of one case, from outside; worker.py is its inside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from enet_ros.benchmark.cases import Case, Settings
from enet_ros.benchmark.runner import UInt8
from enet_ros.errors import EngineError

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Worker:
    """A process that measures one case; see worker.py."""

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
        """Waits until the case runs; False where it does not, `skip` then says why."""
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
        """Some more timed runs."""
        self._send({"runs": runs})
        self.times_ms += self._receive()["times_ms"]

    def labels(self, file: Path) -> UInt8:
        """(N, H, W) uint8: of every frame."""
        self._send({"labels": str(file)})
        self._receive()
        labels: UInt8 = np.load(file)
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
            f"the process that measured {self.case.name} at {self.case.size} ended with code "
            f"{self._process.wait()}; its last words are above"
        )
