"""Measures cases in turns, so that whatever else the machine does hits all alike."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from enet_ros.benchmark.cases import REFERENCE, Case, Settings
from enet_ros.benchmark.frames import Frames, from_folder
from enet_ros.benchmark.process import Worker
from enet_ros.benchmark.rows import Row, make_row
from enet_ros.benchmark.runner import UInt8
from enet_ros.metrics import ConfusionMatrix

_NEVER_COMPARED = ("segnet",)  # other networks


class Skipped(NamedTuple):
    """A case that was not measured, and why."""

    case: Case
    reason: str


def measure(
    cases: Sequence[Case], frames: Frames, settings: Settings, advance: Callable[[int], None] = lambda runs: None
) -> tuple[list[Row], list[Skipped]]:
    """Rows in the order of the cases, and the cases that do not work here.

    Cases of one size take turns; `advance` hears of every few runs. Raises EngineError where a process dies.
    """
    rows: list[Row] = []
    skipped: list[Skipped] = []
    with tempfile.TemporaryDirectory(prefix="enet_ros-bench-") as folder:
        for size, group in groupby(cases, lambda case: case.size):
            path = Path(folder) / "frames.npy"
            np.save(path, frames.images_at(size))
            with ExitStack() as stack:
                workers = []
                for case in group:
                    worker = stack.enter_context(Worker(case, _prepared(case, frames, settings, Path(folder)), path))
                    if worker.opened():  # one after the other: compiling side by side takes as long, and more memory
                        workers.append(worker)
                    else:
                        skipped.append(Skipped(case, worker.skip))
                _take_turns(workers, settings, advance)
                rows += _rows(workers, frames, settings, Path(folder))
    return rows, skipped


def _take_turns(workers: Sequence[Worker], settings: Settings, advance: Callable[[int], None]) -> None:
    for turn in range(settings.rounds):
        share = settings.runs * (turn + 1) // settings.rounds - settings.runs * turn // settings.rounds
        for worker in workers:
            worker.run(share)
            advance(share)


def _prepared(case: Case, frames: Frames, settings: Settings, folder: Path) -> Settings:
    """The settings with the model file that a case runs: for int8, an exported and calibrated one."""
    if case.precision != "int8" or not case.engine or settings.model.suffix != ".safetensors":
        return settings
    from enet_ros.engines.export import export

    path = folder / "int8-{}x{}.onnx".format(*case.size)
    if not path.exists():
        images = (frames if settings.calibration is None else from_folder(settings.calibration, 64)).images_at(
            case.size
        )
        export(settings.model, path, size=case.size, precision="int8", calibration=list(images))
    return settings._replace(model=path)


def _rows(workers: Sequence[Worker], frames: Frames, settings: Settings, folder: Path) -> list[Row]:
    labels = {
        worker: worker.labels(folder / "labels.npy") for worker in workers if worker.case.name not in _NEVER_COMPARED
    }
    reference = next((found for worker, found in labels.items() if worker.case.name == REFERENCE), None)
    rows = []
    for worker in workers:
        found, equal, miou = labels.get(worker), None, None
        foreign = worker.case.name == "opencv4" and settings.opencv_model is not None
        if found is not None and not foreign:
            equal = None if reference is None else float((found == reference).mean())
            miou = _miou(found, frames)
        rows.append(make_row(worker.case, worker.runtime, worker.times_ms, settings.threads, equal, miou))
    return rows


def _miou(found: UInt8, frames: Frames) -> float | None:
    if frames.table is None:
        return None
    matrix = ConfusionMatrix(frames.table.num_classes)
    for truth, labels in zip(frames.truth_at(found.shape[1:3]), found, strict=True):
        matrix.add(truth, labels)
    return matrix.miou()
