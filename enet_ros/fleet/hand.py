"""What runs on the machines of a Ray cluster: the actor, what it is told and what it answers."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from enet_ros import files
from enet_ros.engines.base import EngineInfo
from enet_ros.errors import EnetRosError, WorkerError
from enet_ros.fleet.schedule import Task
from enet_ros.fleet.scratch import Scratch
from enet_ros.fleet.work import Work, Worker, do

CPUS = 4
"""Processors of a worker, where the machine has so many: beyond that one Python process gains little."""


@dataclass(frozen=True)
class ClusterOptions:
    """How a cluster is used.

    address  "auto" for the one that this machine belongs to, or HOST:PORT of its head
    workers  most workers at once; 0: as many as the cluster has room for
    cpus     processors of each; 0: CPUS, or all of a smaller machine
    gpus     GPUs of each, or a share of one
    scratch, scratch_bytes  as in `Scratch`, on each machine
    """

    address: str = "auto"
    workers: int = 0
    cpus: int = 0
    gpus: float = 0.0
    scratch: Path | None = None
    scratch_bytes: int = 0


class Models(NamedTuple):
    """A model file and what lies beside it: names and contents."""

    files: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, path: Path) -> Models:
        beside = [path, *(path.with_suffix(end) for end in (".onnx", ".safetensors") if end != path.suffix)]
        return cls(tuple((file.name, file.read_bytes()) for file in beside if file.is_file()))

    def put(self, folder: Path) -> Path:
        """Write them below a folder, once; returns the path of the first."""
        digest = hashlib.sha256(repr(self).encode()).hexdigest()[:16]
        paths = [folder / digest / name for name, _ in self.files]
        for path, (_, content) in zip(paths, self.files, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                files.write(path, content)
        return paths[0]


class About(NamedTuple):
    """What a worker says of itself when it has started."""

    host: str
    engine: EngineInfo | None


class Answer(NamedTuple):
    """What a worker answers: a value and the seconds it took, or an error."""

    value: Any = None
    seconds: float = 0.0
    error: EnetRosError | None = None


class Hand:
    """The actor: a worker in a process of its own somewhere in the cluster."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def start(
        self, work: Work, models: Sequence[Models], options: ClusterOptions, cpus: int, seen: Sequence[Path]
    ) -> Answer:
        """Make the engines of these models. seen: files that this machine must see, as the driver does."""
        try:
            for path in seen:
                if not path.exists():
                    raise WorkerError(f"does not see {path}: mount it there by the same path, or name places by URLs")
            scratch = Scratch(options.scratch, options.scratch_bytes)
            paths = [each.put(scratch.root / "models") for each in models]
            given = zip(work.engines, paths, strict=True)
            engines = [replace(engine, model=path, threads=engine.threads or cpus) for engine, path in given]
            import cv2

            cv2.setNumThreads(1)  # frames are decoded and encoded in parallel already
            self._worker = work.with_engines(*engines).worker(scratch, cpus)
        except EnetRosError as error:
            return Answer(error=error)
        except OSError as error:
            return Answer(error=WorkerError(str(error)))
        return Answer(About(socket.gethostname(), self._worker.info))

    def do(self, task: Task, values: Sequence[Any]) -> Answer:
        """One step with a bag."""
        worker = self._worker
        assert worker is not None, "started before"
        begun = time.perf_counter()
        try:
            value = do(worker, task, values, lambda messages: None)
        except EnetRosError as error:
            return Answer(error=error)
        return Answer(value, time.perf_counter() - begun)
