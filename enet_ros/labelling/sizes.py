"""What a labelled bag will weigh, told before it is made: from a few frames of each camera."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from enet_ros.bags.cameras import Calibrations, find_cameras
from enet_ros.bags.info import size_bytes
from enet_ros.bags.reader import BagMessage, BagReader
from enet_ros.bags.storage import stored_bytes
from enet_ros.card import ModelCard
from enet_ros.engines.base import Engine
from enet_ros.labelling.outputs import Outputs, OutputSettings
from enet_ros.labelling.pipeline import pipeline
from enet_ros.labelling.run import BagOptions
from enet_ros.segmenter import Segmenter

SAMPLES = 3
"""Frames of each camera that are labelled for the estimate."""


class Sizes(NamedTuple):
    """Bytes. source: of the input's files, which the copy does not exceed by much. added: (output, its bytes) each."""

    source: int
    added: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """Bytes of the labelled bag."""
        return self.source + sum(size for _, size in self.added)

    def of(self, source: int) -> Sizes:
        """Those of so many bytes of like bags."""
        return Sizes(source, tuple((output, size * source // self.source) for output, size in self.added))


def estimate(source: Path, card: ModelCard, engine: Engine, settings: OutputSettings, options: BagOptions) -> Sizes:
    """The sizes, from frames spread evenly over an indexed bag, or from its first ones.

    Raises BagError where the bag has no camera or cannot be read, EngineError.
    """
    segmenter, outputs = Segmenter(engine, card, caution=settings.caution), Outputs(card, settings)
    added: Counter[str] = Counter(dict.fromkeys(settings.kinds, 0))
    with BagReader(source) as reader:
        cameras = {c.topic: c for c in find_cameras(reader, options.topics) if c.topic not in options.exclude}
        calibrations = Calibrations(reader, cameras.values())
        for topic in cameras:
            answers = pipeline(_samples(reader, topic), cameras, segmenter, outputs, calibrations)
            made = [answer.outputs for answer in answers if answer.outputs]
            for output in (output for frame in made for output in frame):
                added[output.topic] += (
                    stored_bytes(output.cdr, options.storage) * reader.topic(topic).total // len(made)
                )
    return Sizes(size_bytes(source), tuple(added.items()))


def _samples(reader: BagReader, topic: str) -> Iterator[BagMessage]:
    if not reader.indexed:
        yield from islice(reader.messages((topic,)), SAMPLES)
        return
    for number in range(SAMPLES):
        at_ns = reader.start_ns + (reader.end_ns - reader.start_ns) * number // SAMPLES
        yield from islice(reader.messages((topic,), at_ns), 1)
