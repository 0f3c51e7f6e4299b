"""Two models, engines or settings through the same frames."""

from __future__ import annotations

from collections.abc import Callable
from itertools import tee
from typing import TYPE_CHECKING, NamedTuple

from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.errors import ConfigError
from enet_ros.evaluation.predict import predict
from enet_ros.frames import Frame, Source
from enet_ros.metrics import Comparer, Comparison, FrameChange

if TYPE_CHECKING:
    from enet_ros.engines.base import Engine


class Contender(NamedTuple):
    """One side of a comparison. name: as the user wrote it; caution: as in `enet_ros.segmenter.Segmenter`."""

    name: str
    engine: Engine
    card: ModelCard
    caution: float = 0.0


Seen = Callable[[Frame, U8, U8, FrameChange], None]
"""Called after each frame with the labels of both, (H, W) uint8 in ids of the comparison's table, void 255."""


def compare(
    source: Source, first: Contender, second: Contender, seen: Seen = lambda frame, before, after, change: None
) -> Comparison:
    """All frames of a source through both; of a labelled source those alone that have a truth count.

    Without labels, only how far the two agree is told, in the classes of the first. Raises ConfigError where the
    classes do not match or no frame is labelled; whatever the source or an engine raises.
    """
    table = source.table or first.card.classes
    comparer = Comparer(table)
    ways = zip(tee(source), (first, second), strict=True)
    answers = (predict(frames, side.engine, side.card, table, side.caution) for frames, side in ways)
    counted = 0
    for one, other in zip(*answers, strict=True):
        frame = one.frame
        if source.table is None or frame.truth is not None:
            change = comparer.add(frame.name, frame.drive, frame.truth, one.labels, other.labels)
            seen(frame, one.labels, other.labels, change)
            counted += 1
    if not counted:
        raise ConfigError(f"{source.place} holds no labelled frame; nothing was compared")
    return comparer.comparison()
