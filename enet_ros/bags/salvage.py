"""Storage files that end too early: a recorder that was killed, a copy that broke off, a full disk.

An MCAP file without the index at its end cannot be opened the usual way, nor a SQLite file that is shorter than its
header says; what comes before can still be read in order.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile, McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk
from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinition, MessageDefinitionFormat
from rosbags.rosbag2.errors import ReaderError
from rosbags.rosbag2.metadata import parse_qos
from zstandard import ZstdError

from enet_ros.bags.inflate import CHUNK_LIMIT, inflate, inflate_begun

_MCAP_MAGIC = b"\x89MCAP0\r\n"
_RECORD_LIMIT = 1 << 30  # bytes
# What mcap and the decompressor raise on damaged data.
_DAMAGE = (McapError, ReaderError, ZstdError, struct.error, ValueError, OverflowError, RuntimeError)
_FORMATS = {"ros2msg": MessageDefinitionFormat.MSG, "ros2idl": MessageDefinitionFormat.IDL}
_SQLITE_MAGIC = b"SQLite format 3\0"


Salvaged = tuple[Connection, int, bytes]
"""A message: its topic, its time of recording in nanoseconds, its serialized bytes."""


class Truncated(Exception):
    """The file ends within a record, or continues with something that is not a record."""


def is_complete(path: Path) -> bool:
    """Whether a storage file has its end: MCAP the closing magic, SQLite all pages that its header counts."""
    return _mcap_is_complete(path) if path.suffix == ".mcap" else _sqlite_is_complete(path)


def salvage(path: Path) -> Iterator[Salvaged]:
    """The readable messages in file order, then Truncated."""
    return _salvage_mcap(path) if path.suffix == ".mcap" else _salvage_sqlite(path)


class BrokenFile:
    """A storage file without its end, as a source of messages; it is read through once to find its topics."""

    def __init__(self, path: Path) -> None:
        """Read the file as far as it goes."""
        self._path = path
        found: dict[int, Connection] = {}
        counts: Counter[int] = Counter()
        with suppress(Truncated):
            for connection, _, _ in salvage(path):
                found[connection.id] = connection
                counts[connection.id] += 1
        self.connections = [c._replace(msgcount=counts[i]) for i, c in found.items()]

    def messages(
        self, connections: Collection[Connection], start: int | None = None, stop: int | None = None
    ) -> Iterator[Salvaged]:
        """Messages of some of the topics, from time `start` to before `stop`, in file order; then Truncated."""
        wanted = {connection.id for connection in connections}
        for message in salvage(self._path):
            begun, ended = start is None or message[1] >= start, stop is not None and message[1] >= stop
            if message[0].id in wanted and begun and not ended:
                yield message


class _Exact:
    """A file whose `read` returns all it was asked for, or raises EndOfFile."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        here = file.tell()
        self._size = file.seek(0, os.SEEK_END)
        file.seek(here)

    def read(self, size: int = -1) -> bytes:
        if (
            size > self._size - self._file.tell()
        ):  # checked before reading: a damaged length must not become an allocation
            raise EndOfFile
        return self._file.read(size)


def _mcap_is_complete(path: Path) -> bool:
    """Whether an MCAP file has both its magics: one that was closed properly."""
    with path.open("rb") as file:
        if file.read(len(_MCAP_MAGIC)) != _MCAP_MAGIC or file.seek(0, 2) < 2 * len(_MCAP_MAGIC):
            return False
        file.seek(-len(_MCAP_MAGIC), 2)
        return file.read() == _MCAP_MAGIC


def _salvage_mcap(path: Path) -> Iterator[Salvaged]:
    """The messages in file order up to the break, then Truncated unless the file is whole after all."""
    schemas: dict[int, Schema] = {}
    connections: dict[int, Connection] = {}
    for record in _records(path):
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel):
            connections.setdefault(record.id, _mcap_connection(record, schemas.get(record.schema_id)))
        elif isinstance(record, Message) and record.channel_id in connections:
            yield connections[record.channel_id], record.log_time, record.data


def _records(path: Path) -> Iterator[McapRecord]:
    with path.open("rb") as file:
        reader = StreamReader(cast(Any, _Exact(file)), emit_chunks=True, record_size_limit=_RECORD_LIMIT)
        whole_until = len(_MCAP_MAGIC)
        try:
            for record in reader.records:
                yield from breakup_chunk(_inflated(record)) if isinstance(record, Chunk) else (record,)
                whole_until = file.tell()
        except _DAMAGE as error:
            file.seek(whole_until)
            yield from _begun_chunk(file)
            raise Truncated(f"{whole_until} of {path.stat().st_size} bytes are whole records") from error


def _inflated(chunk: Chunk) -> Chunk:
    return replace(chunk, compression="", data=inflate(chunk.data, chunk.compression, chunk.uncompressed_size))


def _begun_chunk(file: IO[bytes]) -> Iterator[McapRecord]:
    """The whole records of a chunk that the file ends in; of a chunk compressed by lz4 there are none."""
    try:
        exact = ReadDataStream(cast(Any, _Exact(file)))
        opcode, _ = exact.read1(), exact.read8()
        if opcode != Opcode.CHUNK:
            return
        exact.read(8 + 8 + 8 + 4)  # first and last time, size, checksum
        compression, size = exact.read_prefixed_string(), exact.read8()
        chunk = _Exact(BytesIO(inflate_begun(file.read(min(size, CHUNK_LIMIT)), compression)))
        yield from StreamReader(cast(Any, chunk), skip_magic=True, record_size_limit=_RECORD_LIMIT).records
    except _DAMAGE:
        return


def _mcap_connection(channel: Channel, schema: Schema | None) -> Connection:
    definition = MessageDefinition(MessageDefinitionFormat.NONE, "")
    if schema is not None and schema.encoding in _FORMATS:
        text = schema.data.decode(errors="replace")  # a damaged definition is only shown
        definition = MessageDefinition(_FORMATS[schema.encoding], text)
    qos = parse_qos(channel.metadata.get("offered_qos_profiles", ""))
    extension = ConnectionExtRosbag2(channel.message_encoding, qos)
    name = schema.name if schema is not None else ""
    return Connection(channel.id, channel.topic, name, definition, "", 0, extension, None)


def _sqlite_is_complete(path: Path) -> bool:
    """Whether the file is as long as the page count in its header says (SQLite file format, section 1.3)."""
    with path.open("rb") as file:
        head = file.read(32)
        size = file.seek(0, 2)
    if len(head) < 32 or not head.startswith(_SQLITE_MAGIC):
        return False
    page_size, pages = struct.unpack_from(">H", head, 16)[0], struct.unpack_from(">I", head, 28)[0]
    return bool(size >= pages * (65536 if page_size == 1 else page_size))


def _salvage_sqlite(path: Path) -> Iterator[Salvaged]:
    """The messages in the order they were written, then Truncated at the first missing page."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as file:
        try:
            file.execute("PRAGMA writable_schema=ON")  # lets SQLite open a file with pages missing
            file.row_factory = sqlite3.Row
            connections = {row["id"]: _sqlite_connection(dict(row)) for row in file.execute("SELECT * FROM topics")}
            query = "SELECT topic_id, timestamp, data FROM messages ORDER BY id"
            for topic, log_ns, data in file.execute(query):
                if topic in connections:
                    yield connections[topic], log_ns, data
        except (sqlite3.Error, *_DAMAGE, TypeError, KeyError, AttributeError) as error:
            raise Truncated(f"{error}; the file has {path.stat().st_size} bytes") from error
    raise Truncated(f"the file has {path.stat().st_size} bytes, fewer than its header says")


def _sqlite_connection(row: dict[str, Any]) -> Connection:
    definition = MessageDefinition(MessageDefinitionFormat.NONE, "")
    digest = row.get("type_description_hash", "")
    extension = ConnectionExtRosbag2(row["serialization_format"], parse_qos(row.get("offered_qos_profiles", "")))
    return Connection(row["id"], row["name"], row["type"], definition, digest, 0, extension, None)
