"""All scores of a run in one place: fed frame by frame, read as one frozen value, written as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from enet_ros.arrays import F64, U8
from enet_ros.classes import ClassTable
from enet_ros.figures import finite_or_none
from enet_ros.metrics.boundary import BoundaryScore
from enet_ros.metrics.calibration import Calibration
from enet_ros.metrics.confusion import ConfusionMatrix, GroupScore
from enet_ros.metrics.safety import DrivableCurve, safe_miou


class FrameScore(NamedTuple):
    """One frame's scores, 0..1; miou is over the classes in this frame, NaN where its truth is void alone."""

    name: str
    miou: float
    pixel_accuracy: float


@dataclass(frozen=True)
class Scores:
    """The scores of a run. `calibration` and `curve` are None where predictions came without confidence."""

    table: ClassTable
    confusion: ConfusionMatrix
    boundary: BoundaryScore
    calibration: Calibration | None
    curve: DrivableCurve | None
    frames: tuple[FrameScore, ...]

    @property
    def drivable(self) -> GroupScore:
        """All drivable classes taken as one."""
        return self.confusion.group(self.table.indices(self.table.drivable))

    @property
    def safe_miou(self) -> float:
        """See `enet_ros.metrics.safety`."""
        return safe_miou(self.confusion, self.table)

    @property
    def ground_called_drivable(self) -> float:
        """Share 0..1 of the ground that is not drivable, such as pavement, that was called so; NaN without any."""
        flat = self.confusion.counts[list(self.table.indices(self.table.flat - self.table.drivable))]
        called = flat[:, list(self.table.indices(self.table.drivable))].sum()
        return float(called / flat.sum()) if flat.any() else float("nan")

    @property
    def precision_at_99(self) -> float:
        """Of 'drivable' at 99 % recall, 0..1; NaN where it is undefined."""
        return float("nan") if self.curve is None else self.curve.precision_at(0.99)

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, fractions 0..1, None where undefined; see docs/evaluation.md."""
        matrix = self.confusion
        return {
            "miou": finite_or_none(matrix.miou()),
            "safe_miou": finite_or_none(self.safe_miou),
            "iou": self._by_class(matrix.iou()),
            "class_accuracy": finite_or_none(matrix.class_accuracy()),
            "recall": self._by_class(matrix.recall()),
            "pixel_accuracy": finite_or_none(matrix.pixel_accuracy()),
            **{f"drivable_{name}": finite_or_none(value) for name, value in self.drivable._asdict().items()},
            "drivable_precision_at_99_recall": finite_or_none(self.precision_at_99),
            "ground_called_drivable": finite_or_none(self.ground_called_drivable),
            "boundary_miou": finite_or_none(self.boundary.miou()),
            "boundary_f1": finite_or_none(self.boundary.f1()),
            "boundary_radius_px": self.boundary.radius,
            "ece": None if self.calibration is None else finite_or_none(self.calibration.ece()),
            "frames": len(self.frames),
            "pixels": matrix.pixels,
        }

    def _by_class(self, values: F64) -> dict[str, float | None]:
        names = enumerate(self.table.names)
        return {name: finite_or_none(values[index]) for index, name in names if index != self.table.void}


class Scorer:
    """Collects scores frame by frame."""

    def __init__(self, table: ClassTable) -> None:
        """`table` is that of the truth; predictions are in its ids too."""
        self._table = table
        self._confusion = ConfusionMatrix(table.num_classes)
        self._boundary = BoundaryScore(table.num_classes)
        self._calibration: Calibration | None = None
        self._curve: DrivableCurve | None = None
        self._frames: list[FrameScore] = []

    def add(self, name: str, truth: U8, predicted: U8, confidence: U8 | None = None) -> FrameScore:
        """Count a frame, arrays (H, W) uint8, void 255. Raises DatasetError as `ConfusionMatrix.add`."""
        frame = ConfusionMatrix(self._table.num_classes)
        frame.add(truth, predicted)
        if confidence is not None:
            self._calibration = self._calibration or Calibration()
            self._calibration.add(truth, predicted, confidence)
            self._curve = self._curve or DrivableCurve(self._table)
            self._curve.add(truth, predicted, confidence)
        self._confusion += frame
        self._boundary.add(truth, predicted)
        score = FrameScore(name, frame.miou(), frame.pixel_accuracy())
        self._frames.append(score)
        return score

    def add_all(self, other: Scores, prefix: str = "") -> None:
        """Count another run's frames, as PREFIX and their names, of the same classes."""
        self._confusion += other.confusion
        self._boundary += other.boundary
        if other.calibration is not None and other.curve is not None:
            self._calibration = self._calibration or Calibration()
            self._calibration += other.calibration
            self._curve = self._curve or DrivableCurve(self._table)
            self._curve += other.curve
        self._frames += [frame._replace(name=f"{prefix}{frame.name}") for frame in other.frames]

    def scores(self) -> Scores:
        """The scores of the frames so far."""
        return Scores(self._table, self._confusion, self._boundary, self._calibration, self._curve, tuple(self._frames))
