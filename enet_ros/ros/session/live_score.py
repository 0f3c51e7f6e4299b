"""Answers against ground truth by stamp: how many, how soon, how well."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from enet_ros.arrays import F64, U8
from enet_ros.bags.messages import camera_frame, label_image
from enet_ros.bags.reader import BagReader, Topic
from enet_ros.classes import ClassTable, label_map
from enet_ros.errors import BagError
from enet_ros.figures import finite_or_none, percent, percentiles
from enet_ros.metrics import Scorer, Scores
from enet_ros.products.images import nearest
from enet_ros.report import EvenSample, Still
from enet_ros.ros.session.collector import Picture, RunRecord
from enet_ros.ros.session.page import STILLS, class_table, seconds
from enet_ros.ros.session.session import Sent
from enet_ros.stamps import cdr_stamp_ns


class Masks:
    """The masks that came back, by stamp: in a temporary file, for a long bag's would not fit into memory."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="enet_ros_live_")  # noqa: SIM115  (closed by `close`)
        self._places: dict[int, tuple[int, int]] = {}
        self.arrived_ns: dict[int, int] = {}

    def add(self, mask: Picture) -> None:
        """Keep a serialized mask; only the first with a stamp counts."""
        if mask.stamp_ns not in self.arrived_ns:
            self._places[mask.stamp_ns] = (self._file.tell(), len(mask.cdr))
            self._file.write(mask.cdr)
            self.arrived_ns[mask.stamp_ns] = mask.arrived_ns

    def get(self, stamp_ns: int) -> U8 | None:
        """(H, W) uint8, or None where no mask had this stamp. No `add` may follow. Raises BagError, ImageError."""
        if stamp_ns not in self._places:
            return None
        offset, size = self._places[stamp_ns]
        self._file.seek(offset)
        return label_image(self._file.read(size))[1]

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


class LiveRun(NamedTuple):
    """A measurement's raw material.

    image  the topic that was played and answered
    truth  of its ground truth; None where the bag has none
    names  of the truth's ids; the node's where there is no truth
    info   what the node says of itself, a SegmentationInfo
    """

    reader: BagReader
    image: Topic
    truth: Topic | None
    names: tuple[str, ...]
    sent: Mapping[int, Sent]
    masks: Masks
    info: Any
    record: RunRecord

    def latency_ms(self) -> dict[int, float]:
        """Publication to mask received, of the images that were answered, by stamp."""
        arrived = self.masks.arrived_ns
        return {stamp: (arrived[stamp] - sent.at_ns) / 1e6 for stamp, sent in self.sent.items() if stamp in arrived}


class Answer(NamedTuple):
    """labels: (H, W) uint8, void 255. truth: the same, None where the bag has none."""

    stamp_ns: int
    labels: U8
    truth: U8 | None


class Judged(NamedTuple):
    """scores: None where the bag has no ground truth. shown: an even sample of the answers."""

    table: ClassTable
    scores: Scores | None
    shown: tuple[Answer, ...]


def judge(run: LiveRun) -> Judged:
    """Score every answer that has a ground truth, once. Raises BagError, ConfigError, DatasetError."""
    table = class_table(run.info, run.names)
    scorer, sample = Scorer(table), EvenSample[Answer](STILLS)
    for answer in _answers(run):
        if answer.truth is not None:
            scorer.add(run.sent[answer.stamp_ns].name, answer.truth, answer.labels)
        if sample.wants():
            sample.add(answer)
    return Judged(table, None if run.truth is None else scorer.scores(), tuple(sample.entries))


def _answers(run: LiveRun) -> Iterator[Answer]:
    """The answered images that have a ground truth; all that were answered where the bag has none."""
    if run.truth is None:
        for stamp_ns in run.sent:
            if (mask := run.masks.get(stamp_ns)) is not None:
                yield Answer(stamp_ns, mask, None)
        return
    to_truth = label_map(run.info.class_names, run.names)
    for message in run.reader.messages((run.truth.name,)):
        header, labels = label_image(message.data)
        mask = run.masks.get(header.stamp_ns) if header.stamp_ns in run.sent else None
        if mask is not None:
            yield Answer(header.stamp_ns, to_truth[nearest(mask, labels.shape)], labels)


def stills(run: LiveRun, shown: Sequence[Answer]) -> Iterator[Still]:
    """Some answers with their camera images, the only ones that are decoded. Raises BagError."""
    by_stamp = {answer.stamp_ns: answer for answer in shown}
    for message in run.reader.messages((run.image.name,)):
        answer = by_stamp.pop(cdr_stamp_ns(message.data), None)
        if answer is None:
            continue
        rgb = camera_frame(message.type, message.data).rgb
        if answer.truth is not None and answer.truth.shape != rgb.shape[:2]:
            raise BagError(
                f"message {message.number} of {message.topic} has {rgb.shape[1]}x{rgb.shape[0]} pixels, its ground"
                f" truth {answer.truth.shape[1]}x{answer.truth.shape[0]}: both must be one size"
            )
        name, caption = run.sent[answer.stamp_ns].name, f"{seconds(run.sent, answer.stamp_ns):.2f} s"
        yield Still(name, caption, rgb, nearest(answer.labels, rgb.shape[:2]), answer.truth).reduced()


@dataclass(frozen=True)
class LiveScores:
    """What was measured. latency_ms: publication -> mask received, one value an answered frame.

    played: images published. answered: of these, with a mask. foreign: masks whose stamp no image had. scores: over the
    answered frames that have a truth, or None where the bag has no ground truth.
    """

    played: int
    answered: int
    foreign: int
    latency_ms: F64
    scores: Scores | None

    @property
    def share(self) -> float:
        """Share of the images that were answered; NaN where none was played."""
        return self.answered / self.played if self.played else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: fractions 0..1, milliseconds; null where there is none."""
        shown = (0, 50, 90, 99, 100)
        latency = percentiles(self.latency_ms, *shown)
        scores = {"miou": None, "iou": {}, "frames": 0} if self.scores is None else self.scores.to_dict()
        return {
            "frames_played": self.played,
            "frames_answered": self.answered,
            "frames_scored": scores["frames"],
            "foreign_masks": self.foreign,
            "share_answered": finite_or_none(self.share),
            "miou": scores["miou"],
            "iou": scores["iou"],
            "latency_ms": {f"p{p}": finite_or_none(ms) for p, ms in zip(shown, latency, strict=True)},
        }

    def text(self) -> str:
        """A few lines for people."""
        lines = [f"answered  {self.answered} of {self.played} frames ({percent(self.share)} %)"]
        if self.scores is None:
            lines.append("mIoU      unknown: the bag has no ground truth")
        else:
            miou, frames = percent(self.scores.confusion.miou(), 2), len(self.scores.frames)
            lines.append(f"mIoU      {miou} % over {frames} answered frames with ground truth")
        p50, p90, p99 = percentiles(self.latency_ms, 50, 90, 99)
        lines.append(f"latency   p50 {p50:.1f}, p90 {p90:.1f}, p99 {p99:.1f} ms (image out, mask in)")
        if self.foreign:
            lines.append(f"foreign   {self.foreign} masks with a stamp that no image had: does the node change stamps?")
        return "\n".join(lines)
