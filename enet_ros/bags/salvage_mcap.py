"""Messages of an MCAP file that ends too early.

Without its index at the end it cannot be opened the usual way; what comes before can still be read in order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile, McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk
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
    """The messages in file order up to the break, then Truncated unless the file is whole after all."""
    schemas: dict[int, Schema] = {}
    connections: dict[int, Connection] = {}
    for record in _records(path):
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel):
            connections.setdefault(record.id, _connection(record, schemas.get(record.schema_id)))
        elif isinstance(record, Message) and record.channel_id in connections:
            yield SalvagedMessage(connections[record.channel_id], record.log_time, record.data)


def _records(path: Path) -> Iterator[McapRecord]:
    with path.open("rb") as file:
        reader = StreamReader(cast(Any, _Exact(file)), emit_chunks=True, record_size_limit=_RECORD_LIMIT)
        whole_until = len(MAGIC)
        try:
            for record in reader.records:
                yield from breakup_chunk(record) if isinstance(record, Chunk) else (record,)
                whole_until = file.tell()
        except _DAMAGE as error:
            file.seek(whole_until)
            yield from _begun_chunk(file)
            raise Truncated(f"{whole_until} of {path.stat().st_size} bytes are whole records") from error


def _begun_chunk(file: IO[bytes]) -> Iterator[McapRecord]:
    """The whole records of a chunk that the file ends in; none of a compressed one."""
    try:
        exact = ReadDataStream(cast(Any, _Exact(file)))
        opcode, _ = exact.read1(), exact.read8()
        if opcode != Opcode.CHUNK:
            return
        exact.read(8 + 8 + 8 + 4)  # first and last time, size, checksum
        if exact.read_prefixed_string():
            return
        exact.read8()
        yield from StreamReader(cast(Any, _Exact(file)), skip_magic=True, record_size_limit=_RECORD_LIMIT).records
    except _DAMAGE:
        return


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
