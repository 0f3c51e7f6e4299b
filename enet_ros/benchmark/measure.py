"""Measuring cases in turns, so that whatever else the machine does affects all alike."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

import numpy as np

from enet_ros.arrays import U8
from enet_ros.benchmark.cases import REFERENCE, Case, Settings, Skipped
from enet_ros.benchmark.rows import Row, make_row
from enet_ros.benchmark.worker import Worker
from enet_ros.classes import ClassTable
from enet_ros.engines.export import export
from enet_ros.frames import Frame, Source
from enet_ros.frames.files import from_folder
from enet_ros.metrics import ConfusionMatrix
from enet_ros.products.images import nearest
from enet_ros.segmenter import stretched

_CALIBRATION_IMAGES = 64


def measure(
    cases: Sequence[Case], source: Source, settings: Settings, advance: Callable[[int], None] = lambda runs: None
) -> tuple[list[Row], list[Skipped]]:
    """Rows in the order of the cases, and the cases that do not work here.

    The frames of `source` are kept in memory and rotated through. Cases of one size take turns; `advance` is called
    with the number of runs done since. Raises EngineError where a process dies, and what the source raises.
    """
    frames = list(source)
    rows: list[Row] = []
    skipped: list[Skipped] = []
    with tempfile.TemporaryDirectory(prefix="enet_ros-bench-") as folder:
        for size, group in groupby(cases, lambda case: case.size):
            images = _images_at(size, frames)
            with ExitStack() as stack:
                workers = []
                for case in group:
                    worker = stack.enter_context(Worker(case, _prepared(case, images, settings, Path(folder))))
                    # One after the other: compiling side by side takes as long, and more memory.
                    if reason := worker.open(images):
                        skipped.append(reason)
                    else:
                        workers.append(worker)
                _take_turns(workers, settings, advance)
                rows += _rows(workers, frames, source.table, settings)
    return rows, skipped


def _take_turns(workers: Sequence[Worker], settings: Settings, advance: Callable[[int], None]) -> None:
    for turn in range(settings.rounds):
        share = settings.runs * (turn + 1) // settings.rounds - settings.runs * turn // settings.rounds
        for worker in workers:
            worker.run(share)
            advance(share)


def _prepared(case: Case, images: U8, settings: Settings, folder: Path) -> Settings:
    """The settings with the model file that a case runs: for int8, an exported and calibrated one."""
    if case.precision != "int8" or not case.engine or settings.model.suffix != ".safetensors":
        return settings
    path = folder / "int8-{}x{}.onnx".format(*case.size)
    if not path.exists():
        if settings.calibration is not None:
            images = _images_at(case.size, list(from_folder(settings.calibration).evenly(_CALIBRATION_IMAGES)))
        export(settings.model, path, size=case.size, precision="int8", calibration=list(images))
    return settings._replace(model=path)


def _rows(
    workers: Sequence[Worker], frames: Sequence[Frame], table: ClassTable | None, settings: Settings
) -> list[Row]:
    """Times of all; labels and mIoU of those that run the model's own network."""
    own = {"segnet": False, "opencv4": settings.opencv_model is None}
    labels = {worker.case: worker.labels() for worker in workers if own.get(worker.case.name, True)}
    reference = next((found for case, found in labels.items() if case.name == REFERENCE), None)
    rows = []
    for worker in workers:
        found, equal, miou = labels.get(worker.case), None, None
        if found is not None:
            equal = None if reference is None else float((found == reference).mean())
            miou = None if table is None else _miou(found, frames, table)
        rows.append(make_row(worker.case, worker.runtime, worker.times_ms, settings.threads, equal, miou))
    return rows


def _miou(found: U8, frames: Sequence[Frame], table: ClassTable) -> float:
    """found: (N, H, W) labels of the frames, compared with their truths at that size."""
    matrix = ConfusionMatrix(table.num_classes)
    for frame, labels in zip(frames, found, strict=True):
        if frame.truth is not None:
            matrix.add(nearest(frame.truth, (labels.shape[0], labels.shape[1])), labels)
    return matrix.miou()


def _images_at(size: tuple[int, int], frames: Sequence[Frame]) -> U8:
    """(N, H, W, 3) uint8 RGB, stretched to (height, width)."""
    return np.stack([stretched(frame.rgb, size) for frame in frames])
