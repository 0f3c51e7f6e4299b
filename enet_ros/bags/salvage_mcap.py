"""Messages of an MCAP file that ends too early.

Without its index at the end it cannot be opened the usual way; its whole chunks can still be read in order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from mcap.exceptions import EndOfFile, McapError
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2.errors import ReaderError
from rosbags.rosbag2.metadata import parse_qos
from zstandard import ZstdError

from enet_ros.bags.salvage import SalvagedMessage, Truncated

MAGIC = b"\x89MCAP0\r\n"
_RECORD_LIMIT = 1 << 30  # bytes: a damaged length field must not become an allocation
_DAMAGE = (McapError, ReaderError, ZstdError, struct.error, ValueError, OverflowError, RuntimeError)
_FORMATS = {"ros2msg": MessageDefinitionFormat.MSG, "ros2idl": MessageDefinitionFormat.IDL}


class _Exact:
    """A file whose `read` gives all it was asked for, or says that the file has ended."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise EndOfFile
        return data


def is_complete(path: Path) -> bool:
    """Whether an MCAP file has both its magics: one that was closed properly."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC or file.seek(0, 2) < 2 * len(MAGIC):
            return False
        file.seek(-len(MAGIC), 2)
        return file.read() == MAGIC


def salvage(path: Path) -> Iterator[SalvagedMessage]:
    """The messages of whole chunks in file order, then Truncated unless the file is whole after all."""
    schemas: dict[int, Schema] = {}
    connections: dict[int, Connection] = {}
    with path.open("rb") as file:
        reader = StreamReader(cast(Any, _Exact(file)), record_size_limit=_RECORD_LIMIT)
        try:
            for record in reader.records:
                if isinstance(record, Schema):
                    schemas[record.id] = record
                elif isinstance(record, Channel):
                    connections.setdefault(record.id, _connection(record, schemas.get(record.schema_id)))
                elif isinstance(record, Message) and record.channel_id in connections:
                    yield SalvagedMessage(connections[record.channel_id], record.log_time, record.data)
        except _DAMAGE as error:
            raise Truncated(f"{file.tell()} of {path.stat().st_size} bytes read") from error


def _connection(channel: Channel, schema: Schema | None) -> Connection:
    definition = MessageDefinition(MessageDefinitionFormat.NONE, "")
    if schema is not None and schema.encoding in _FORMATS:
        definition = MessageDefinition(_FORMATS[schema.encoding], schema.data.decode())
    return Connection(
        id=channel.id,
        topic=channel.topic,
        msgtype=schema.name if schema is not None else "",
        msgdef=definition,
        digest="",
        msgcount=0,
        ext=ConnectionExtRosbag2(channel.message_encoding, parse_qos(channel.metadata.get("offered_qos_profiles", ""))),
        owner=None,
    )
