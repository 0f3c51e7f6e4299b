"""Run an engine over labelled frames, for throughput, and yield its answers in the classes of the truth."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.card import ModelCard
from enet_ros.classes import VOID, ClassTable
from enet_ros.classes.coarse import judged
from enet_ros.errors import ConfigError
from enet_ros.frames import Frame
from enet_ros.segmenter import resize_into

if TYPE_CHECKING:
    from enet_ros.engines.base import Engine

UInt8 = npt.NDArray[np.uint8]

_CHUNK_BYTES = 64 << 20
_CHUNK_FRAMES = 32


class Answer(NamedTuple):
    """A frame and what the network says of it.

    labels      (H, W) uint8 at the frame's size, ids of the truth's class table, void 255
    confidence  (H, W) uint8, round(255 * probability of the label); None from an engine without it
    """

    frame: Frame
    labels: UInt8
    confidence: UInt8 | None


class Stopwatch:
    """Seconds spent on inference alone: resizing in, the engine, scaling back; not reading, not scoring."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.frames = 0

    @property
    def frames_per_s(self) -> float:
        """Frames a second; NaN before the first."""
        return self.frames / self.seconds if self.seconds > 0 else float("nan")


def label_map(source: ClassTable, target: ClassTable) -> UInt8:
    """(256, 256) uint8 [truth, prediction]: as which class of the target a predicted class of the source counts.

    By name, whatever the truth; where the target's classes are sets of the source's, as in
    `enet_ros.classes.coarse.judged`. Void and the void output count as 255. Raises ConfigError where, void aside, the
    two tables do not name the same classes.
    """
    if target.means:
        return judged(target, source)
    own, wanted = ({n for i, n in enumerate(t.names) if i != t.void} for t in (source, target))
    if own != wanted:
        raise ConfigError(
            f"the model's classes ({source.name}) are not those of the labels ({target.name}): "
            f"it alone has {_some(own - wanted)}; they alone have {_some(wanted - own)}"
        )
    table = np.full((256, 256), VOID, np.uint8)
    for index, name in enumerate(source.names):
        if index != source.void:
            table[:, index] = target.index(name)
    return table


def predict(
    frames: Iterable[Frame],
    engine: Engine,
    card: ModelCard,
    target: ClassTable,
    watch: Stopwatch | None = None,
) -> Iterator[Answer]:
    """The answers for `frames`, in their order.

    Works in chunks through `Engine.infer_many`: read some, infer them (this alone is what `watch` times), hand
    them out. Raises ConfigError as `label_map`, EngineError where the engine fails.
    """
    watch = Stopwatch() if watch is None else watch
    table = label_map(card.classes, target)
    source = iter(frames)
    warm = False
    while chunk := _chunk(source):
        if not warm:  # streams are made on the first call
            list(engine.infer_many(_resized(chunk[:1] * 2, engine.info.size), confidence=True))
            warm = True
        started = time.perf_counter()
        answers = []
        inferences = engine.infer_many(_resized(chunk, engine.info.size), confidence=True)
        for frame, inference in zip(chunk, inferences, strict=True):
            labels = _scaled(inference.labels, frame)
            sure = None if inference.confidence is None else _scaled(inference.confidence, frame)
            answers.append(Answer(frame, labels, sure))
        watch.seconds += time.perf_counter() - started
        watch.frames += len(chunk)
        yield from (answer._replace(labels=table[answer.frame.truth, answer.labels]) for answer in answers)


def _chunk(source: Iterator[Frame]) -> list[Frame]:
    """The next frames, as many as fit the memory set aside, at least one while there is one."""
    chunk: list[Frame] = []
    size = 0
    for frame in islice(source, _CHUNK_FRAMES):
        chunk.append(frame)
        size += frame.rgb.nbytes
        if size >= _CHUNK_BYTES:
            break
    return chunk


def _resized(chunk: list[Frame], size_hw: tuple[int, int]) -> Iterator[UInt8]:
    for frame in chunk:
        if frame.rgb.shape[:2] == size_hw:
            yield frame.rgb
        else:
            target = np.empty((*size_hw, 3), np.uint8)
            resize_into(frame.rgb, target)
            yield target


def _scaled(plane: UInt8, frame: Frame) -> UInt8:
    """To the image's size as the node does it: the pixel whose centre is nearest."""
    height, width = frame.rgb.shape[:2]
    if plane.shape == (height, width):
        return plane
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def _some(names: set[str]) -> str:
    shown = ", ".join(sorted(names)[:4]) or "none"
    return shown + (", ..." if len(names) > 4 else "")
