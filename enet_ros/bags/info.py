"""A summary of a bag, read through once: topics, rates, image sizes, gaps."""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from enet_ros.bags.messages import CAMERA_INFO, COMPRESSED, IMAGE, from_cdr
from enet_ros.bags.reader import BagMessage, BagReader, Topic
from enet_ros.codec.containers import read_header
from enet_ros.errors import BagError, EnetRosError
from enet_ros.figures import size_text
from enet_ros.stamps import NS

_GAP = 1.8
"""Times the median interval: a frame is missing from 2 on, and clocks jitter."""


@dataclass(frozen=True)
class TopicInfo:
    """One topic. rate_hz: 1 / median interval of the log times, None below two messages.

    content       of the first message: "960x720 rgb8", "480x360 jpeg", "480x360 plumb_bob"; "" for other types
    gaps          intervals longer than 1.8 times the median
    longest_gap_s the longest gap, 0 where there is none
    """

    name: str
    type: str
    messages: int
    size_bytes: int
    rate_hz: float | None
    content: str
    gaps: int
    longest_gap_s: float


@dataclass(frozen=True)
class BagInfo:
    """A bag. start_ns and duration_s by log time; damage: what is wrong with it, or None."""

    path: str
    messages: int
    size_bytes: int
    start_ns: int
    duration_s: float
    topics: tuple[TopicInfo, ...]
    damage: str | None


def inspect(path: Path | str) -> BagInfo:
    """Summarise a bag, a damaged one as far as it can be read. Raises BagError where nothing can be."""
    times: dict[str, array[int]] = defaultdict(lambda: array("q"))  # eight bytes a message, however long the bag
    sizes: dict[str, int] = defaultdict(int)
    contents: dict[str, str] = {}
    with BagReader(path) as reader:
        damage = reader.damage
        try:
            for message in reader.messages():
                times[message.topic].append(message.log_ns)
                sizes[message.topic] += len(message.data)
                if message.number == 0:
                    contents[message.topic] = _content(message)
        except BagError as error:
            damage = str(error)
        topics = tuple(_topic(t, times[t.name], sizes[t.name], contents.get(t.name, "")) for t in reader.topics)
    stamps = [stamp for topic in times.values() for stamp in (min(topic), max(topic))]
    start, end = min(stamps, default=0), max(stamps, default=0)
    return BagInfo(
        path=str(path),
        messages=sum(topic.messages for topic in topics),
        size_bytes=size_bytes(Path(path)),
        start_ns=start,
        duration_s=(end - start) / NS,
        topics=topics,
        damage=damage,
    )


def _topic(topic: Topic, times: array[int], size: int, content: str) -> TopicInfo:
    intervals = np.diff(np.sort(np.array(times, np.int64))).astype(np.float64)
    period = float(np.median(intervals)) if intervals.size else 0.0
    gaps = intervals[intervals > _GAP * period] if period else intervals[:0]
    return TopicInfo(
        name=topic.name,
        type=topic.type,
        messages=len(times),
        size_bytes=size,
        rate_hz=NS / period if period else None,
        content=content,
        gaps=gaps.size,
        longest_gap_s=float(gaps.max(initial=0.0)) / NS,
    )


def _content(message: BagMessage) -> str:
    """Size and encoding of a camera message, from its header alone."""
    if message.type not in (IMAGE, COMPRESSED, CAMERA_INFO):
        return ""
    try:
        content = from_cdr(message.type, message.data)
        if message.type == COMPRESSED:
            header = read_header(memoryview(content.data))
            return f"{size_text((header.height, header.width))} {header.kind.value}"
    except EnetRosError as error:
        return f"unreadable: {error}"
    what = content.encoding if message.type == IMAGE else content.distortion_model
    if message.type == CAMERA_INFO and not content.k[0]:
        what = "uncalibrated"
    return f"{size_text((content.height, content.width))} {what}"


def size_bytes(path: Path) -> int:
    """Bytes of a bag's files."""
    files = [path] if path.is_file() else [p for p in path.iterdir() if p.is_file()]
    return sum(file.stat().st_size for file in files)
