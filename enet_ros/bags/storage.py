"""Storages that keep what was written when the rest cannot be: a full disk, a failing card, an interrupt.

MCAP's chunks are compressed by zstd, at a level that passes JPEG by at gigabytes a second.

After an error the storages of `rosbags` leave an MCAP file without its index and roll a whole SQLite file back; these
close both after the last message that is safely on disk. `DurableWriter` puts them into the library's table of
storages. They build on attributes that rosbags does not document; test/bags/test_storage.py checks these.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.enums import CompressionMode
from rosbags.rosbag2.storage_mcap import McapWriter, PendingChunk
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Writer
from zstandard import ZstdCompressor

_COMMIT_BYTES = 4 << 20
_ZSTD_LEVEL = -5


class Written(NamedTuple):
    """What a file safely holds on disk: messages by connection id, first and last log time in ns."""

    counts: dict[int, int]
    start_ns: int
    end_ns: int


def stored_bytes(cdr: bytes | memoryview, storage: str) -> int:
    """About the room that a message takes in a file of a storage, "mcap" or "sqlite3"."""
    return len(ZstdCompressor(level=_ZSTD_LEVEL).compress(cdr)) if storage == "mcap" else len(cdr)


class DurableMcap(McapWriter):
    """An MCAP file that can be closed at its last whole chunk."""

    def __init__(self, path: Path, compression: CompressionMode) -> None:
        super().__init__(path, CompressionMode.STORAGE)
        self.compressor = ZstdCompressor(level=_ZSTD_LEVEL).compress
        self._cuts: list[tuple[int, Written]] = []
        """Where the file can be cut: bytes, and what they hold."""
        self._failed = False

    def close_chunk(self) -> None:
        """Write the pending chunk (1 MiB) through to the file, and note that it may be cut here.

        Raises OSError, after which only `keep` may follow.
        """
        try:
            super().close_chunk()
            self.bio.flush()
        except OSError:
            self._failed = True
            raise
        stats = Written(dict(self.channel_stats), self.message_start_time, self.message_end_time)
        self._cuts.append((self.bio.tell(), stats))

    def keep(self) -> Written:
        """Close the file after the last chunk that fits on the disk with its index. Returns what it holds then."""
        with suppress(OSError):
            if self.chunk.msgs and not self._failed:
                self.close_chunk()
        with suppress(OSError):  # closing tries once more to write what could not be written
            self.bio.close()
        self.chunk = PendingChunk(2**63 - 1, 0, BytesIO(), defaultdict(list))
        while self._cuts:  # where not even the index fits, a chunk is given up for it
            self.chunks = self.chunks[: len(self._cuts)]
            offset, written = self._cuts.pop()
            self.channel_stats, self.message_start_time, self.message_end_time = written
            with suppress(OSError), self.path.open("r+b") as file:
                file.truncate(offset)
                file.seek(offset)
                self.bio = cast(Any, file)
                super().close(8, "")
                return written
        return Written({}, 0, 0)


class DurableSqlite3(Sqlite3Writer):
    """A SQLite file that commits as it grows."""

    def __init__(self, path: Path, compression: CompressionMode) -> None:
        super().__init__(path, compression)
        self._pending = 0

    def write(self, connection: Connection, timestamp: int, data: bytes | memoryview) -> None:
        """Write a message; every 4 MiB are committed."""
        super().write(connection, timestamp, data)
        self._pending += len(data)
        if self._pending >= _COMMIT_BYTES:
            self.conn.commit()
            self._pending = 0

    def keep(self) -> Written:
        """Undo what cannot go to disk and close the file. Returns what it holds then."""
        with suppress(sqlite3.Error):
            self.conn.commit()
        with suppress(sqlite3.Error):
            self.conn.rollback()
        self.conn.close()
        # On a full disk SQLite cannot always undo at once and leaves its journal; opening the file anew does it.
        query = "SELECT topic_id, count(*), min(timestamp), max(timestamp) FROM messages GROUP BY topic_id"
        with suppress(sqlite3.Error), closing(sqlite3.connect(self.path)) as again:
            if rows := again.execute(query).fetchall():
                topics, counts, starts, ends = zip(*rows, strict=True)
                return Written(dict(zip(topics, counts, strict=True)), min(starts), max(ends))
        return Written({}, 0, 0)


class DurableWriter(Writer):
    """rosbags' writer with the storages above."""

    STORAGE_PLUGINS = MappingProxyType({StoragePlugin.MCAP: DurableMcap, StoragePlugin.SQLITE3: DurableSqlite3})
