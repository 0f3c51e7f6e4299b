"""Messages of a SQLite bag file that is shorter than it should be."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2.metadata import parse_qos

from enet_ros.bags.salvage import SalvagedMessage, Truncated

_HEADER = b"SQLite format 3\0"


def is_complete(path: Path) -> bool:
    """Whether the file is as long as the page count in its header says (SQLite file format, section 1.3)."""
    with path.open("rb") as file:
        head = file.read(32)
        size = file.seek(0, 2)
    if len(head) < 32 or not head.startswith(_HEADER):
        return False
    page_size, pages = struct.unpack_from(">H", head, 16)[0], struct.unpack_from(">I", head, 28)[0]
    return bool(size >= pages * (65536 if page_size == 1 else page_size))


def salvage(path: Path) -> Iterator[SalvagedMessage]:
    """The messages in the order they were written, then Truncated at the first missing page."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as file:
        try:
            file.execute("PRAGMA writable_schema=ON")  # lets SQLite open a file with pages missing
            connections = {row["id"]: _connection(row) for row in _rows(file, "SELECT * FROM topics")}
            query = "SELECT topic_id, timestamp, data FROM messages ORDER BY id"
            for topic, log_ns, data in file.execute(query):
                if topic in connections:
                    yield SalvagedMessage(connections[topic], log_ns, data)
        except sqlite3.Error as error:
            raise Truncated(f"{error}; the file has {path.stat().st_size} bytes") from error
    raise Truncated(f"the file has {path.stat().st_size} bytes, fewer than its header says")


def _rows(file: sqlite3.Connection, query: str) -> list[dict[str, Any]]:
    cursor = file.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _connection(row: dict[str, Any]) -> Connection:
    return Connection(
        id=row["id"],
        topic=row["name"],
        msgtype=row["type"],
        msgdef=MessageDefinition(MessageDefinitionFormat.NONE, ""),
        digest=row.get("type_description_hash", ""),
        msgcount=0,
        ext=ConnectionExtRosbag2(row["serialization_format"], parse_qos(row.get("offered_qos_profiles", ""))),
        owner=None,
    )
