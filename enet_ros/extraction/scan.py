"""One drive's frames that may be chosen, with what the choice over all drives needs to know of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from enet_ros.arrays import F32, U8
from enet_ros.bags.cameras import find_cameras
from enet_ros.bags.messages import camera_frame
from enet_ros.bags.reader import BagMessage, BagReader
from enet_ros.card import ModelCard
from enet_ros.errors import BagError, EnetRosError
from enet_ros.extraction.track import Track, track_of
from enet_ros.products.images import nearest
from enet_ros.segmenter import Segmenter
from enet_ros.selection.choice import Candidate, Pace
from enet_ros.selection.likeness import dhash
from enet_ros.selection.scores import disagreement, moved_along, uncertainty
from enet_ros.stamps import NS, cdr_stamp_ns

_NEIGHBOUR_NS = NS // 2
"""A frame before another by more than this is no neighbour to compare answers with."""
_NO_FEATURE: F32 = np.empty(0, np.float32)


@dataclass(frozen=True)
class ScanSettings:
    """Which frames of a drive may be chosen.

    topics      image topics; all cameras by default
    every_ns    nanoseconds between two of a camera, 0 for all; moved_m: metres between them
    base_frame  whose place TF tells, where there is no odometry
    """

    topics: tuple[str, ...] = ()
    every_ns: int = 0
    moved_m: float = 0.0
    base_frame: str = "base_link"


@dataclass(frozen=True)
class Eyes:
    """A model's opinion of frames. What is None or False is not computed.

    other      a second model, to disagree with; without one, the model's answer to the frame before
    features   image at the network's size -> (D,) float32
    """

    segmenter: Segmenter
    card: ModelCard
    doubts: bool
    disagrees: bool
    other: tuple[Segmenter, ModelCard] | None = None
    features: Callable[[U8], F32] | None = None


class _Answered(NamedTuple):
    """A frame with the model's answer: rgb (H, W, 3) uint8, drivable (h, w) uint8 at the network's size."""

    message: BagMessage
    rgb: U8
    drivable: U8


class Scanned(NamedTuple):
    """The candidates of a drive in order of time, and what could not be read of it."""

    candidates: list[Candidate]
    problems: list[str]


def check(bag: Path, settings: ScanSettings) -> int:
    """The messages of a bag.

    Raises BagError where a scan could find nothing: no camera, or no place of the robot where `moved_m` needs it.
    """
    with BagReader(bag) as reader:
        find_cameras(reader, settings.topics or None)
        if settings.moved_m:
            track, missing = track_of(reader, settings.base_frame)
            if track is None:
                raise BagError(f"{bag} does not tell how far the robot moved: {missing}; use --every instead")
        return reader.message_count


def scan(name: str, bag: Path, settings: ScanSettings, eyes: Eyes | None = None) -> Scanned:
    """The frames of a drive that may be chosen: a function of its name, the bag and the settings alone.

    A frame that cannot be decoded, and the end of a damaged bag, are told as problems. Raises BagError as `check`.
    """
    problems: list[str] = []
    candidates = []
    with BagReader(bag) as reader:
        topics = [camera.topic for camera in find_cameras(reader, settings.topics or None)]
        track, _ = track_of(reader, settings.base_frame)
        try:
            answered: dict[str, _Answered] = {}
            for message, before, stamp_ns in _paced(reader, topics, settings, track, problems):
                pose = None if track is None else track.at(stamp_ns)
                try:
                    rgb = camera_frame(message.type, message.data).rgb
                    look = (
                        (math.nan, math.nan, _NO_FEATURE)
                        if eyes is None
                        else _look(eyes, message, rgb, before, answered)
                    )
                except EnetRosError as error:
                    problems.append(f"{name}, {message.place}: {error}")
                    continue
                of = (name, message.topic, message.number, stamp_ns, message.log_ns, pose)
                candidates.append(Candidate(*of, dhash(rgb), *look))
        except BagError as error:
            problems.append(str(error))
    return Scanned(candidates, problems)


def _paced(
    reader: BagReader, topics: list[str], settings: ScanSettings, track: Track | None, problems: list[str]
) -> Iterator[tuple[BagMessage, BagMessage | None, int]]:
    """The messages that the pace takes, each with the one before it on its topic and its stamp in ns."""
    paces = {topic: Pace(settings.every_ns, settings.moved_m) for topic in topics}
    before: dict[str, BagMessage] = {}
    for message in reader.messages(topics):
        try:
            stamp_ns = cdr_stamp_ns(message.data) or message.log_ns
        except BagError as error:
            problems.append(f"{message.place}: {error}")
            continue
        if paces[message.topic].takes(stamp_ns, None if track is None else track.at(stamp_ns)):
            yield message, before.get(message.topic), stamp_ns
        before[message.topic] = message


def _look(
    eyes: Eyes, message: BagMessage, rgb: U8, before: BagMessage | None, answered: dict[str, _Answered]
) -> tuple[float, float, F32]:
    """Uncertainty, disagreement and feature of a frame. answered: by topic the last one that was looked at."""
    image = eyes.segmenter.prepare(rgb)
    doubt = apart = math.nan
    if eyes.doubts or eyes.disagrees:
        drivable, confidence = _answer(eyes.segmenter, eyes.card, image)
        if eyes.doubts:
            doubt = uncertainty(drivable, confidence)
        if eyes.disagrees:
            last = answered.get(message.topic)
            known = last if last and before and last.message.number == before.number else None
            answered[message.topic] = now = _Answered(message, rgb, drivable)
            apart = _with_other(now, *eyes.other) if eyes.other else _with_earlier(now, eyes, before, known)
    return doubt, apart, _NO_FEATURE if eyes.features is None else eyes.features(image)


def _answer(segmenter: Segmenter, card: ModelCard, image: U8) -> tuple[U8, U8]:
    """(h, w) uint8 drivable area, 0 elsewhere, and confidence, of an image at the network's size."""
    answer = segmenter.segment(image, confidence=True)
    if answer.confidence is None:
        raise AssertionError("confidence was asked for")
    return np.asarray(
        cv2.LUT(answer.labels, card.classes.membership(card.classes.drivable)), np.uint8
    ), answer.confidence


def _with_other(now: _Answered, other: Segmenter, card: ModelCard) -> float:
    """How far a second model disagrees."""
    theirs, _ = _answer(other, card, other.prepare(now.rgb))
    height, width = now.drivable.shape
    return disagreement(now.drivable, nearest(theirs, (height, width)))


def _with_earlier(now: _Answered, eyes: Eyes, before: BagMessage | None, known: _Answered | None) -> float:
    """How far the answer to the frame before disagrees, moved as the picture has; 0 where there is none near."""
    if before is None or not 0 <= now.message.log_ns - before.log_ns <= _NEIGHBOUR_NS:
        return 0.0
    if known is None:
        rgb = camera_frame(before.type, before.data).rgb
        known = _Answered(before, rgb, _answer(eyes.segmenter, eyes.card, eyes.segmenter.prepare(rgb))[0])
    if known.rgb.shape != now.rgb.shape:
        return 0.0
    return disagreement(now.drivable, moved_along(known.drivable, known.rgb, now.rgb))
