"""Answers against ground truth by stamp: how many, how soon, how well."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from enet_ros.bags.messages import label_image
from enet_ros.classes import TABLES
from enet_ros.datasets.opening import table_of
from enet_ros.errors import ConfigError
from enet_ros.figures import finite_or_none, percent
from enet_ros.frames.bag import LabelledBag
from enet_ros.metrics import ConfusionMatrix
from enet_ros.products.images import nearest

_UINT8 = npt.NDArray[np.uint8]


def truth_names(bag: LabelledBag, classes: str | None) -> tuple[str, ...]:
    """What the ids of a bag's ground truth mean. classes: name or YAML file of a table, for a bag that does not say.

    Raises ConfigError, DatasetError.
    """
    names = table_of(classes).names if classes else bag.classes
    if names is None:
        raise ConfigError(
            f"the bag does not say what its ground truth means: add --classes {'|'.join(TABLES)}|FILE.yaml"
        )
    return names


class Masks:
    """The masks that came back, by stamp: in a temporary file, for a long bag's would not fit into memory."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="enet_ros_live_")  # noqa: SIM115  (closed by `close`)
        self._places: dict[int, tuple[int, int]] = {}
        self.arrived_ns: dict[int, int] = {}

    def add(self, stamp_ns: int, arrived_ns: int, data: bytes) -> None:
        """Keep a serialized mask; only the first with a stamp counts."""
        if stamp_ns not in self.arrived_ns:
            self._places[stamp_ns] = (self._file.tell(), len(data))
            self._file.write(data)
            self.arrived_ns[stamp_ns] = arrived_ns

    def get(self, stamp_ns: int) -> _UINT8 | None:
        """(H, W) uint8, or None where no mask had this stamp. No `add` may follow. Raises BagError, ImageError."""
        if stamp_ns not in self._places:
            return None
        offset, size = self._places[stamp_ns]
        self._file.seek(offset)
        return label_image(self._file.read(size))[1]

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


def score(bag: LabelledBag, masks: Masks, sent: Container[int], to_truth: _UINT8, confusion: ConfusionMatrix) -> int:
    """Add every answered frame that has a ground truth to `confusion`; how many. Raises BagError, DatasetError."""
    frames = 0
    for message in bag.reader.messages((bag.truth_topic.name,)):
        header, truth = label_image(message.data)
        mask = masks.get(header.stamp_ns) if header.stamp_ns in sent else None
        if mask is not None:
            confusion.add(truth, to_truth[nearest(mask, truth.shape)])
            frames += 1
    return frames


@dataclass(frozen=True)
class LiveScores:
    """What was measured. latency_ms: publication -> mask received, one value an answered frame.

    played: images published. answered: of these, with a mask. labelled: answered ones that have a truth; confusion is
    over them. foreign: masks whose stamp no image had.
    """

    played: int
    answered: int
    labelled: int
    foreign: int
    latency_ms: npt.NDArray[np.float64]
    confusion: ConfusionMatrix
    names: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the images that were answered; NaN where none was played."""
        return self.answered / self.played if self.played else math.nan

    def percentile(self, p: float) -> float:
        """Of the latency, milliseconds; NaN without an answer."""
        return float(np.percentile(self.latency_ms, p)) if self.latency_ms.size else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: fractions 0..1, milliseconds; null where there is none."""
        iou = self.confusion.iou()
        return {
            "frames_played": self.played,
            "frames_answered": self.answered,
            "frames_scored": self.labelled,
            "foreign_masks": self.foreign,
            "share_answered": finite_or_none(self.share),
            "miou": finite_or_none(self.confusion.miou()),
            "iou": {name: finite_or_none(iou[index]) for index, name in enumerate(self.names)},
            "latency_ms": {f"p{p}": finite_or_none(self.percentile(p)) for p in (0, 50, 90, 99, 100)},
        }

    def text(self) -> str:
        """A few lines for people."""
        lines = [
            f"answered  {self.answered} of {self.played} frames ({percent(self.share)} %)",
            f"mIoU      {percent(self.confusion.miou(), 2)} % over {self.labelled} answered frames with ground truth",
            "latency   "
            + ", ".join(f"p{p} {self.percentile(p):.1f}" for p in (50, 90, 99))
            + " ms (image out, mask in)",
        ]
        if self.foreign:
            lines.append(f"foreign   {self.foreign} masks with a stamp that no image had: does the node change stamps?")
        return "\n".join(lines)
