"""Storage files that end too early: a recorder that was killed, a copy that broke off, a full disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rosbags.interfaces import Connection


class SalvagedMessage(NamedTuple):
    """One message and the topic it stands in; log_ns is the time of recording."""

    connection: Connection
    log_ns: int
    data: bytes


class Truncated(Exception):
    """The file ends within a record, or goes on with something that is none."""


def is_complete(path: Path) -> bool:
    """Whether a storage file has its end: MCAP the closing magic, SQLite all pages that its header counts."""
    if path.suffix == ".mcap":
        from enet_ros.bags.salvage_mcap import is_complete as complete
    else:
        from enet_ros.bags.salvage_sqlite import is_complete as complete
    return complete(path)


def salvage(path: Path) -> Iterator[SalvagedMessage]:
    """The readable messages in file order, then Truncated."""
    if path.suffix == ".mcap":
        from enet_ros.bags.salvage_mcap import salvage as read
    else:
        from enet_ros.bags.salvage_sqlite import salvage as read
    return read(path)


class BrokenFile:
    """A storage file without its end, as a source of messages; it is read through once to find its topics."""

    def __init__(self, path: Path) -> None:
        """Read the file as far as it goes."""
        self._path = path
        found: dict[int, Connection] = {}
        counts: Counter[int] = Counter()
        with suppress(Truncated):
            for message in salvage(path):
                found[message.connection.id] = message.connection
                counts[message.connection.id] += 1
        self.connections = [c._replace(msgcount=counts[i]) for i, c in found.items()]

    def messages(self, connections: Collection[Connection]) -> Iterator[SalvagedMessage]:
        """Messages of some of the topics, in file order; then Truncated."""
        wanted = {connection.id for connection in connections}
        for message in salvage(self._path):
            if message.connection.id in wanted:
                yield message
