"""Decompression with a limit: a chunk of a few kilobytes must not become gigabytes in memory.

rosbags and mcap inflate whatever a bag holds. Importing this module gives rosbags the functions below instead of its
own; test/bags/test_inflate.py fails where a new version of rosbags no longer asks for them.
"""

from __future__ import annotations

import shutil
import tempfile
from io import BytesIO
from types import SimpleNamespace
from typing import IO, Final

from lz4.frame import LZ4FrameDecompressor  # type: ignore[import-untyped]
from rosbags.rosbag2 import reader, storage_mcap
from rosbags.rosbag2.errors import ReaderError
from zstandard import ZstdDecompressor

CHUNK_LIMIT: Final = 1 << 29
"""Bytes that a chunk or a message may have: recorders begin a new chunk after a few megabytes."""
DISK_RESERVE: Final = 1 << 30
"""Bytes left free on the disk where a bag that is compressed as a whole file is unpacked."""


def inflate(data: bytes, compression: str, size: int) -> bytes:
    """The `size` bytes that data holds. compression: "zstd", "lz4", or "" for none.

    Raises ReaderError for more than CHUNK_LIMIT, and where the data does not hold exactly `size` bytes.
    """
    if size > CHUNK_LIMIT:
        raise ReaderError(f"a chunk says that it holds {size} bytes; the limit is {CHUNK_LIMIT}")
    if compression == "zstd":
        raw = _zstd(data, size)
    elif compression == "lz4":
        raw = bytes(LZ4FrameDecompressor().decompress(data, max_length=size + 1))
    elif compression:
        raise ReaderError(f"chunks compressed by {compression!r} cannot be read; zstd and lz4 can")
    else:
        raw = data
    if len(raw) != size:
        more = "more" if len(raw) > size else f"{len(raw)}"
        raise ReaderError(f"a chunk says that it holds {size} bytes, but it holds {more}")
    return raw


def inflate_begun(data: bytes, compression: str) -> bytes:
    """What can be told of a chunk of which only the beginning is there. Raises ReaderError as `inflate`."""
    if compression == "zstd":
        return _zstd(data, CHUNK_LIMIT)
    if compression:
        raise ReaderError(f"the beginning of a chunk compressed by {compression!r} cannot be read")
    return data


def _zstd(data: bytes, most: int) -> bytes:
    """At most one byte more than `most`."""
    with ZstdDecompressor().stream_reader(BytesIO(data), read_across_frames=True) as stream:
        return bytes(stream.read(most + 1))


def _message(data: bytes) -> bytes:
    """A message of a bag that was recorded with --compression-mode message."""
    raw = _zstd(data, CHUNK_LIMIT)
    if len(raw) > CHUNK_LIMIT:
        raise ReaderError(f"a compressed message holds more than the limit of {CHUNK_LIMIT} bytes")
    return raw


class _WholeFile:
    """A storage file of a bag that was recorded with --compression-mode file, as rosbags unpacks it to a new one."""

    def __init__(self, file: IO[bytes], mode: str) -> None:
        self._stream = ZstdDecompressor().stream_reader(file, read_across_frames=True)

    def __enter__(self) -> _WholeFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()  # type: ignore[no-untyped-call]

    def read(self, size: int) -> bytes:
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if free < DISK_RESERVE:
            raise ReaderError(
                f"there is not enough room in {tempfile.gettempdir()} to unpack this bag: {free} bytes are left"
            )
        return bytes(self._stream.read(size))


for _name in storage_mcap.DECOMPRESSORS:
    storage_mcap.DECOMPRESSORS[_name] = lambda data, size, _name=_name: inflate(data, _name, size)  # type: ignore[misc]
reader.zstd = SimpleNamespace(decompress=_message, open=_WholeFile)  # type: ignore[assignment,attr-defined]
