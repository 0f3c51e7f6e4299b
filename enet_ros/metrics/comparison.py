"""Two models, engines or settings on the same frames: differences by class, and whether the second is better."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any, Final, NamedTuple

import numpy as np

from enet_ros.arrays import I64, U8
from enet_ros.classes import ClassTable
from enet_ros.figures import finite_or_none
from enet_ros.metrics.bootstrap import Difference, differences, groups_of
from enet_ros.metrics.confusion import ConfusionMatrix


class Verdict(Enum):
    """What can be said of the second."""

    BETTER = "better"
    WORSE = "worse"
    UNTOLD = "cannot be told"


HEADLINES: Final = ("mean IoU", "drivable IoU", "drivable precision", "drivable recall")
_DECIDING = HEADLINES[:3]
"""Recall alone decides nothing: it is had by calling everything road."""


class FrameChange(NamedTuple):
    """Share of a frame's labelled pixels that each got right, 0..1; NaN where none is labelled."""

    name: str
    before: float
    after: float

    @property
    def gain(self) -> float:
        """What the second has more."""
        return self.after - self.before


class Comparison(NamedTuple):
    """How two contenders differ on the same frames.

    headlines  difference of each of HEADLINES; empty where no frame is labelled
    classes    of each class's IoU, by its name
    groups     what was resampled for the intervals, for people
    agreement  share of pixels, 0..1, that both call the same
    """

    table: ClassTable
    headlines: dict[str, Difference]
    classes: dict[str, Difference]
    groups: str
    frames: tuple[FrameChange, ...]
    agreement: float

    def surely(self, sign: int) -> list[str]:
        """The figures that decide and are surely greater (sign 1) or surely less (-1) of the second."""
        return [name for name in _DECIDING if self.headlines and self.headlines[name].sign == sign]

    @property
    def verdict(self) -> Verdict:
        """BETTER or WORSE where some of the figures that decide surely are, and none is surely the other."""
        better, worse = self.surely(1), self.surely(-1)
        if bool(better) == bool(worse):
            return Verdict.UNTOLD
        return Verdict.BETTER if better else Verdict.WORSE

    @property
    def reason(self) -> str:
        """Why the verdict is that, and which classes lose whatever it is."""
        better, worse = self.surely(1), self.surely(-1)
        if not self.headlines:
            return "the frames have no labels: add --labels and --classes"
        lost = ", ".join(name for name, found in self.classes.items() if found.sign < 0)
        classes = f"; of the classes, surely down: {lost}" if lost else ""
        if better and worse:
            return f"a trade: {', '.join(better)} surely up, {', '.join(worse)} surely down{classes}"
        if better or worse:
            return f"{', '.join(better or worse)} surely {'up' if better else 'down'}{classes}"
        return f"the intervals of {', '.join(_DECIDING)} all hold zero{classes}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, fractions 0..1, None where undefined."""

        def plain(found: dict[str, Difference]) -> dict[str, Any]:
            return {name: {k: finite_or_none(v) for k, v in one._asdict().items()} for name, one in found.items()}

        return {
            "verdict": self.verdict.value,
            "reason": self.reason,
            "figures": plain(self.headlines),
            "iou": plain(self.classes),
            "resampled": self.groups,
            "agreement": self.agreement,
            "frames": {f.name: [finite_or_none(f.before), finite_or_none(f.after)] for f in self.frames},
        }


class Comparer:
    """Collects the answers of two contenders frame by frame."""

    def __init__(self, table: ClassTable) -> None:
        """`table` is that of truth and answers."""
        self._table = table
        self._counts: tuple[list[I64], list[I64]] = ([], [])
        self._drives: list[str] = []
        self._frames: list[FrameChange] = []
        self._same = self._pixels = 0

    def add(self, name: str, drive: str, truth: U8 | None, before: U8, after: U8) -> FrameChange:
        """Count a frame: arrays (H, W) uint8, void 255. Raises DatasetError as `ConfusionMatrix.add`."""
        self._same += int((before == after).sum())
        self._pixels += before.size
        change = FrameChange(name, math.nan, math.nan)
        if truth is not None:
            matrices = [ConfusionMatrix(self._table.num_classes) for _ in range(2)]
            for matrix, labels, kept in zip(matrices, (before, after), self._counts, strict=True):
                matrix.add(truth, labels)
                kept.append(matrix.counts)
            self._drives.append(drive)
            change = FrameChange(name, *(matrix.pixel_accuracy() for matrix in matrices))
        self._frames.append(change)
        return change

    def comparison(self) -> Comparison:
        """Of the frames so far, at least one."""
        headlines, classes, kind = {}, {}, ""
        if self._drives:
            drivable = self._table.indices(self._table.drivable)

            def figures(matrix: ConfusionMatrix) -> list[float]:
                return [matrix.miou(), *matrix.group(drivable), *matrix.iou()]

            groups = groups_of(self._drives)
            before, after = (np.stack(counts) for counts in self._counts)
            found = differences(before, after, groups.number, figures)
            headlines = dict(zip(HEADLINES, found, strict=False))
            rows = enumerate(zip(self._table.names, found[len(HEADLINES) :], strict=True))
            classes = {name: one for index, (name, one) in rows if index != self._table.void}
            kind = groups.kind
        agreement = self._same / self._pixels
        return Comparison(self._table, headlines, classes, kind, tuple(self._frames), agreement)
