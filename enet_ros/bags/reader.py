"""Reading a rosbag2 bag: a folder with metadata.yaml, or one .mcap or .db3 file; a damaged one as far as it goes."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import apsw
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader
from rosbags.rosbag2.errors import ReaderError
from zstandard import ZstdError

import enet_ros.bags.inflate  # noqa: F401 - limits what rosbags inflates
from enet_ros.bags.salvage import BrokenFile, Truncated, is_complete
from enet_ros.errors import BagError

# What the library and its decompressors raise on damaged data, besides their own errors.
_DAMAGE = (
    ReaderError,
    apsw.Error,
    ZstdError,
    struct.error,
    OSError,
    ValueError,
    OverflowError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    RuntimeError,
    MemoryError,
    EOFError,
)
_STORAGES = (".mcap", ".db3")
_REMEDY = "give a folder with metadata.yaml, or a .mcap or .db3 file"


class Topic(NamedTuple):
    """A topic of a bag. total: how many messages it has."""

    name: str
    type: str
    total: int
    connection: Connection


class BagMessage(NamedTuple):
    """A serialized message. number: its place among those read of its topic, from 0; log_ns: time of recording."""

    number: int
    topic: str
    type: str
    log_ns: int
    data: bytes

    @property
    def place(self) -> str:
        """Which message it is, for the texts of errors."""
        return f"message {self.number} of {self.topic}"


class _Part(Protocol):
    connections: list[Connection]

    def messages(
        self, connections: Collection[Connection], start: int | None, stop: int | None
    ) -> Iterator[tuple[Connection, int, bytes]]: ...


class BagReader:
    """Topics and messages of a bag.

    A damaged bag opens as far as possible: `damage` says what is wrong with it, and `messages` yields what is
    readable before it raises BagError.
    """

    def __init__(self, path: Path | str) -> None:
        """Open the bag. Raises BagError where `path` is not a bag or nothing of it can be read."""
        self.path = Path(path)
        self.damage: str | None = None
        self.start_ns = self.end_ns = 0
        self.custom_data: dict[str, str] = {}
        self._stack = ExitStack()
        if not self.path.exists():
            raise BagError(f"there is no bag {self.path}: {_REMEDY}")
        try:
            self._parts = self._open()
        except BaseException:
            self._stack.close()
            raise
        self.topics = _merge(self._parts)

    def __enter__(self) -> BagReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def message_count(self) -> int:
        """Messages of all topics, as the index counts them."""
        return sum(topic.total for topic in self.topics)

    @property
    def indexed(self) -> bool:
        """Whether `messages` finds a time without reading what lies before it."""
        storages: list[Any] = [getattr(part, "storage", None) for part in self._parts]
        each = [file for storage in storages for file in getattr(storage, "storages", [storage])]
        return self.damage is None and all(getattr(file, "chunks", True) for file in each)  # SQLite has no chunks

    def topic(self, name: str) -> Topic:
        """A topic by name. Raises BagError, which lists the topics there are."""
        for topic in self.topics:
            if topic.name == name:
                return topic
        listing = ", ".join(f"{t.name} [{t.type}]" for t in self.topics) or "none"
        raise BagError(f"{self.path} has no topic {name!r}; its topics: {listing}")

    def messages(
        self, topics: Collection[str] | None = None, start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[BagMessage]:
        """Messages of `topics` (all by default) in time order, or file order where the index is lost.

        Only those logged at or after `start_ns` and before `stop_ns`, where given; their numbers count from there.
        Raises BagError at the first place that cannot be read, with the number of messages before it.
        """
        numbers: Counter[str] = Counter()
        last = ""
        for part in self._parts:
            wanted = [c for c in part.connections if topics is None or c.topic in topics]
            if not wanted:
                continue
            try:
                for connection, log_ns, data in part.messages(wanted, start_ns, stop_ns):
                    number = numbers[connection.topic]
                    numbers[connection.topic] += 1
                    last = f"number {number} of {connection.topic}"
                    yield BagMessage(number, connection.topic, connection.msgtype, log_ns, data)
            except (Truncated, *_DAMAGE) as error:
                place = f"message {sum(numbers.values())}" + (f", after {last}" if last else "")
                raise BagError(
                    f"{self.path} is damaged at {place} ({error}): what comes before is readable; if this"
                    " is a copy, copy the bag again"
                ) from error

    def _open(self) -> list[_Part]:
        files = self._files()
        broken = [file for file in files if not is_complete(file)]
        whole = self.path.is_file() or (self.path / "metadata.yaml").is_file()
        if whole and not broken:
            return [self._reader(self.path)]
        if not files:
            raise BagError(f"{self.path} is not a bag: it holds neither metadata.yaml nor a .mcap or .db3 file")
        missing = "" if whole else "metadata.yaml is missing"
        cut = f"{', '.join(file.name for file in broken)} ended early" if broken else ""
        self.damage = "; ".join(part for part in (missing, cut) if part)
        return [BrokenFile(file) if file in broken else self._reader(file) for file in files]

    def _files(self) -> list[Path]:
        if self.path.is_file():
            if self.path.suffix not in _STORAGES:
                raise BagError(f"{self.path} is not a bag: {_REMEDY}")
            return [self.path]
        found = [p for p in self.path.iterdir() if p.suffix in _STORAGES and p.is_file()]
        return sorted(found, key=lambda p: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", p.name)])

    def _reader(self, path: Path) -> Any:
        reader = Reader(path)
        try:
            reader.open()
            self._stack.callback(reader.close)
            self.custom_data.update(getattr(reader.storage.metadata, "custom", None) or {})
            if reader.message_count:
                known = self.end_ns > 0
                self.start_ns = min(self.start_ns, reader.start_time) if known else reader.start_time
                self.end_ns = max(self.end_ns, reader.end_time - 1)
        except _DAMAGE as error:
            raise BagError(f"{path} cannot be opened ({error}): is it a complete ROS 2 bag?") from error
        return reader


def _merge(parts: list[_Part]) -> tuple[Topic, ...]:
    """Topics by name; a topic that runs through several files has the sum of its messages."""
    topics: dict[tuple[str, str], Topic] = {}
    for part in parts:
        for connection in part.connections:
            key = (connection.topic, connection.msgtype)
            before = topics[key].total if key in topics else 0
            topics[key] = Topic(*key, before + connection.msgcount, connection)
    return tuple(topics[key] for key in sorted(topics))
