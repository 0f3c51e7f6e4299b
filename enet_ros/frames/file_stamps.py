"""When a frame was taken, from its file name: frame numbers at a rate, nanoseconds, or simply the order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from enet_ros.errors import DatasetError
from enet_ros.stamps import NS

GAP_NS: Final = NS
"""Between the last frame of a sequence and the first of the next, which count their frames independently."""

MODES: Final = ("number", "order", "nanoseconds")


class FrameNumber(NamedTuple):
    """A frame's place in its recording."""

    sequence: str
    number: int


class Stamped(NamedTuple):
    """position: index into the names given; stamp_ns: nanoseconds, above 0."""

    position: int
    stamp_ns: int


def frame_number(stem: str) -> FrameNumber:
    """`0016E5_07959`, `0006R0_f00930`, `aachen_000000_000019_leftImg8bit`, `frame12`: recording and number.

    Raises DatasetError for a name without a number.
    """
    match = re.fullmatch(r"(.*?)_?f?(\d+)(?:_leftImg8bit|_L)?", stem)
    if match is None:
        raise DatasetError(f"{stem!r} has no frame number at its end: stamp the frames by --stamps order")
    return FrameNumber(match[1], int(match[2]))


def stamps(stems: Sequence[str], rate_hz: float, mode: str) -> list[Stamped]:
    """Frames in time order with their stamps, all different and above 0 (a zero stamp means 'not set').

    number       frame number / rate; sequences in the order of their names, the first with its own numbers,
                 each next one beginning a second after the last frame
    order        1 / rate, 2 / rate, ... in the order given
    nanoseconds  the name is the stamp in nanoseconds
    """
    if not rate_hz > 0:
        raise DatasetError(f"a rate of {rate_hz} Hz: give one above 0")
    if mode == "order":
        return [Stamped(i, round((i + 1) * NS / rate_hz)) for i in range(len(stems))]
    numbered = sorted((frame_number(stem), position) for position, stem in enumerate(stems))
    for (one, _), (two, _) in pairwise(numbered):
        if one == two:
            raise DatasetError(f"frame {one.number} of sequence {one.sequence!r} is there twice: use --stamps order")
    if mode == "nanoseconds":
        return _above_zero([Stamped(position, frame.number) for frame, position in numbered], 1)
    result: list[Stamped] = []
    offset, sequence = 0, None
    for frame, position in numbered:
        stamp = round(frame.number * NS / rate_hz)
        if sequence is not None and frame.sequence != sequence:
            offset = result[-1].stamp_ns + GAP_NS - stamp
        sequence = frame.sequence
        result.append(Stamped(position, stamp + offset))
    return _above_zero(result, round(NS / rate_hz))


def _above_zero(stamped: list[Stamped], shift: int) -> list[Stamped]:
    if stamped and stamped[0].stamp_ns > 0:
        return stamped
    return [Stamped(s.position, s.stamp_ns + shift) for s in stamped]
