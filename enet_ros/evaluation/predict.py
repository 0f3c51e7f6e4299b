"""Run a model over labelled frames at full throughput, and yield its answers in the classes of the truth."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.classes import VOID, ClassTable, judged, label_map
from enet_ros.frames import Frame
from enet_ros.segmenter import Segmenter

if TYPE_CHECKING:
    from enet_ros.engines.base import Engine


_CHUNK_BYTES = 64 << 20
_CHUNK_FRAMES = 32


class Answer(NamedTuple):
    """A frame and the model's answer.

    labels      (H, W) uint8 at the frame's size, ids of the truth's class table, void 255
    confidence  (H, W) uint8, round(255 * probability of the label); None from an engine without it
    seconds     from image to labels: resizing, the engine, scaling back; the mean of the frames segmented with it
    """

    frame: Frame
    labels: U8
    confidence: U8 | None
    seconds: float


def counted_as(own: ClassTable, target: ClassTable) -> tuple[U8 | None, U8 | None]:
    """Which class of the target each class of the model counts as: one table whatever the truth, or one by truth.

    Returns (256,) uint8 by the model's ids (`label_map`) or, where the target's classes are sets of the model's,
    (256, 256) uint8 [truth, prediction] (`enet_ros.classes.judged`); the other is None. Raises ConfigError.
    """
    return (None, judged(target, own)) if target.means else (label_map(own, target), None)


def predict(
    frames: Iterable[Frame], engine: Engine, card: ModelCard, target: ClassTable, caution: float = 0.0
) -> Iterator[Answer]:
    """The answers to `frames`, in their order; `caution` as in `Segmenter`.

    Works in chunks: reads some frames, segments them, yields them. Raises ConfigError as `counted_as`, EngineError
    where the engine fails.
    """
    ids, by_truth = counted_as(card.classes, target)
    segmenter = Segmenter(engine, card, ids, caution=caution)
    source = iter(frames)
    warm = False
    while chunk := _chunk(source):
        if not warm:  # streams are made on the first call
            list(segmenter.segment_many([chunk[0].rgb] * 2, confidence=True))
            warm = True
        started = time.perf_counter()
        found = list(segmenter.segment_many((frame.rgb for frame in chunk), confidence=True))
        seconds = (time.perf_counter() - started) / len(chunk)
        for frame, (labels, sure) in zip(chunk, found, strict=True):
            if by_truth is not None:
                labels = by_truth[VOID if frame.truth is None else frame.truth, labels]
            yield Answer(frame, labels, sure, seconds)


def _chunk(source: Iterator[Frame]) -> list[Frame]:
    """The next frames: at least one if any is left, at most as many as fit the memory set aside."""
    chunk: list[Frame] = []
    size = 0
    for frame in islice(source, _CHUNK_FRAMES):
        chunk.append(frame)
        size += frame.rgb.nbytes
        if size >= _CHUNK_BYTES:
            break
    return chunk
