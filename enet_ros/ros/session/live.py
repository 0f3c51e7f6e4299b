"""Measures a running node over DDS: what `enet_ros evaluate --bag BAG --live` does.

Plays the bag at its rate, pairs the masks that come back with the ground truth by their stamps, and reports what share
of the images was answered, how soon, and how well.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any, NamedTuple

import numpy as np

from enet_ros.arrays import F64, U8
from enet_ros.bags.cameras import find_image, find_truth, has_truth, truth_classes
from enet_ros.bags.messages import COMPRESSED, IMAGE, camera_frame, label_image
from enet_ros.bags.reader import BagMessage, BagReader, Topic
from enet_ros.classes import TABLES, label_map
from enet_ros.datasets.opening import table_of
from enet_ros.errors import BagError, ConfigError
from enet_ros.figures import finite_or_none, percent, percentiles
from enet_ros.files import write
from enet_ros.metrics import Scorer, Scores
from enet_ros.products.images import nearest
from enet_ros.report import EvenSample, RunPage, Still, require_report, run_page
from enet_ros.ros import process
from enet_ros.ros.play.bag import BagFeed, BagOptions
from enet_ros.ros.play.player import Player, PlayOptions
from enet_ros.ros.session.record import STILLS, RunRecord
from enet_ros.ros.session.session import Picture, Session, node_process
from enet_ros.stamps import cdr_stamp_ns

_SILENCE_S = 1.0
"""After the last image: no mask for this long means that no more will come."""


@dataclass(frozen=True)
class LiveOptions:
    """What is measured."""

    bag: Path  # its images are played
    image_topic: str | None = None  # where the bag has several
    truth_topic: str | None = None  # where the bag has several
    classes: str | None = None  # name or YAML file of the table of the truth's ids, for a bag that does not say
    node: str = "/segmentation"  # its full name
    model: str | None = None  # of a node to be started for this; None: it runs already
    rate: float = 1.0  # speed of playing
    clock_hz: float = 0.0  # rate of /clock, 0 for none
    depth: int = 1  # messages kept by each publisher
    timeout_s: float = 20.0  # longest wait for the node
    exclude: tuple[str, ...] = ()  # topics that are not played
    report: Path | None = None  # where to write a page


class Answer(NamedTuple):
    """labels: (H, W) uint8, void 255. truth: the same, None where the bag has none."""

    stamp_ns: int
    labels: U8
    truth: U8 | None


@dataclass(frozen=True)
class LiveScores:
    """What was measured."""

    played: int  # images published
    answered: int  # of these, with a mask
    foreign: int  # masks whose stamp no image had
    latency_ms: F64  # publication -> mask received, one value an answered frame
    scores: Scores | None  # over the answered frames with a truth; None where the bag has no ground truth
    shown: tuple[Answer, ...] = ()  # an even sample of the answers
    exchanges: tuple[str, ...] = ()  # of the node's network during the run, in words: the figures are of all of them

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
            "exchanges": list(self.exchanges),
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
        lines += [f"exchanged {text}: the figures are of both" for text in self.exchanges]
        return "\n".join(lines)


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
        return label_image(IMAGE, self._file.read(size))[1]

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


class LiveRun(NamedTuple):
    """What was played, and what came back."""

    reader: BagReader
    image: Topic  # that was played and answered
    truth: Topic | None  # None where the bag has no ground truth
    names: tuple[str, ...]  # of the truth's ids; the node's where there is no truth
    masks: Masks
    record: RunRecord

    def latency_ms(self) -> dict[int, float]:
        """Publication to mask received, of the images that were answered, by stamp."""
        sent, arrived = self.record.sent, self.masks.arrived_ns
        return {stamp: (arrived[stamp] - image.at_ns) / 1e6 for stamp, image in sent.items() if stamp in arrived}


def evaluate_live(options: LiveOptions) -> LiveScores:
    """Play the bag and score what comes back. Raises EnetRosError where nothing can be measured."""
    if options.report:
        require_report()
    with BagReader(options.bag) as reader, closing(Masks()) as masks:
        run = _play(options, reader, masks)
        scores = judge(run)  # after playing, so that it takes no time from the node
        if options.report and scores.played:
            options.report.parent.mkdir(parents=True, exist_ok=True)
            write(options.report, run_page(live_page(run, scores)))
        return scores


def truth_names(reader: BagReader, truth: Topic, classes: str | None) -> tuple[str, ...]:
    """What the ids of a ground truth mean. classes: name or YAML file of a table, for a bag that does not say.

    Raises ConfigError, DatasetError.
    """
    names = table_of(classes).names if classes else truth_classes(reader, truth)
    if names is None:
        raise ConfigError(
            f"the bag does not say what its ground truth means: add --classes {'|'.join(TABLES)}|FILE.yaml"
        )
    return names


def _play(options: LiveOptions, reader: BagReader, masks: Masks) -> LiveRun:
    """Returns when the node has answered, and ends it if it is ours."""
    truth, exclude = None, options.exclude
    names: tuple[str, ...] = ()
    if options.truth_topic or has_truth(reader):
        truth = find_truth(reader, options.truth_topic)
        names = truth_names(reader, truth, options.classes)
        exclude = (*exclude, truth.name)
    image = find_image(reader, truth, options.image_topic)
    ours: AbstractContextManager[Popen[str] | None] = nullcontext()
    if options.model is not None:
        parameters = {"model": options.model, "image_transport": "compressed" if image.type == COMPRESSED else "raw"}
        ours = node_process(parameters, _remappings(options.node, image.name))
    with process.running([], exit_s=None) as ros, ours as child:
        node = ros.create_node("evaluate_live")
        topics = ("mask", "latency", "free_space") if options.report else ("mask",)
        session = Session(node, options.node, topics, "best_effort", ros.stopped)

        def note(message: BagMessage) -> None:
            if message.topic == image.name:
                session.note_sent(cdr_stamp_ns(message.data), f"{message.topic}#{message.number}")

        feed = BagFeed(node, reader, BagOptions(exclude=exclude, depth=options.depth), sent=note, heard=image.name)
        player = Player(node, feed, PlayOptions(options.rate, clock_hz=options.clock_hz))
        session.wait_for_node(player, image.name, options.timeout_s, child)
        record = session.record
        if truth is not None:
            label_map(record.info.class_names, names)  # report a mismatch before the bag is played
        session.play(player, masks.add, _SILENCE_S)
        return LiveRun(reader, image, truth, names or tuple(record.info.class_names), masks, record)


def _remappings(node: str, image: str) -> dict[str, str]:
    """Have a node of that full name listen to an image topic, and to the camera_info beside it."""
    namespace, slash, base = node.rpartition("/")
    if not slash or not base:
        raise ConfigError(f"--node {node}: give the full name, e.g. /segmentation")
    raw = image.removesuffix("/compressed")
    return {
        "__node": base,
        "__ns": namespace or "/",
        "image_raw": raw,
        "image_raw/compressed": f"{raw}/compressed",
        "camera_info": f"{raw.rpartition('/')[0]}/camera_info",
    }


def judge(run: LiveRun) -> LiveScores:
    """Score every answer that has a ground truth, once.

    Raises BagError, DatasetError, and ConfigError where the classes changed during the run.
    """
    if run.record.reclassified:
        raise ConfigError(
            f"the node exchanged its model for one of other classes ({'; '.join(run.record.exchanges)}): its masks"
            " cannot be read by one table; measure again, with one model"
        )
    ids = label_map(run.record.info.class_names, run.names)
    scorer, sample = Scorer(run.record.class_table(run.names)), EvenSample[Answer](STILLS)
    for stamp_ns, truth in _truths(run):
        mask = run.masks.get(stamp_ns) if stamp_ns in run.record.sent else None
        if mask is None:
            continue
        labels = ids[mask if truth is None else nearest(mask, truth.shape)]
        if truth is not None:
            scorer.add(run.record.sent[stamp_ns].name, truth, labels)
        if sample.wants():
            sample.add(Answer(stamp_ns, labels, truth))
    latency_ms = np.array(sorted(run.latency_ms().values()), np.float64)
    return LiveScores(
        played=len(run.record.sent),
        answered=len(latency_ms),
        foreign=len(run.masks.arrived_ns) - len(latency_ms),
        latency_ms=latency_ms,
        scores=None if run.truth is None else scorer.scores(),
        shown=tuple(sample.entries),
        exchanges=tuple(run.record.exchanges),
    )


def _truths(run: LiveRun) -> Iterator[tuple[int, U8 | None]]:
    """Stamp and labels of every ground truth; where the bag has none, the stamps of the images alone."""
    if run.truth is None:
        yield from ((stamp_ns, None) for stamp_ns in run.record.sent)
        return
    for message in run.reader.messages((run.truth.name,)):
        header, labels = label_image(message.type, message.data)
        yield header.stamp_ns, labels


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
        name, caption = run.record.sent[answer.stamp_ns].name, f"{run.record.seconds(answer.stamp_ns):.2f} s"
        yield Still(name, caption, rgb, nearest(answer.labels, rgb.shape[:2]), answer.truth).reduced()


def live_page(run: LiveRun, result: LiveScores) -> RunPage:
    """The page of --report."""
    bag = run.reader.path
    return run.record.page(
        run.latency_ms(),
        facts=(
            ("bag", str(bag)),
            ("images", run.image.name),
            ("ground truth", "none" if run.truth is None else run.truth.name),
        ),
        kind="enet_ros evaluate --live",
        title=f"{run.record.models} on {bag.name}",
        lede=f"{result.played} images played into the running node; latency is from publishing an image to its mask.",
        table=run.record.class_table(run.names),
        scores=result.scores if result.scores and result.scores.frames else None,
        stills=tuple(stills(run, result.shown)),
    )
