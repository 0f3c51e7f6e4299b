"""Reads the headers of compressed images: kind and size, known before anything is decoded."""

from __future__ import annotations

import struct
from enum import Enum
from typing import NamedTuple

from enet_ros.errors import ImageError


class Kind(Enum):
    """Compressed formats that cameras and image_transport send."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"


class Header(NamedTuple):
    """Size in pixels as the header states it; components: colour planes of a JPEG (4: CMYK), 0 for other kinds."""

    kind: Kind
    width: int
    height: int
    components: int = 0


def read_header(data: bytes | memoryview) -> Header:
    """Kind and size of a JPEG (ITU-T T.81), PNG (ISO 15948) or WebP (RFC 9649) stream. Raises ImageError."""
    head = bytes(data[:32])
    try:
        if head[:2] == b"\xff\xd8":
            return _jpeg(data)
        if head[:8] == b"\x89PNG\r\n\x1a\n":
            width, height = struct.unpack_from(">II", head, 16)
            if head[12:16] != b"IHDR":
                raise ImageError(f"PNG begins with chunk {head[12:16]!r}: the data is corrupt")
            return Header(Kind.PNG, width, height)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp(head)
    except (struct.error, IndexError):
        raise ImageError(f"compressed image of {len(data)} bytes ends within its header: check the transport") from None
    raise ImageError(
        f"compressed image starts with {head[:8].hex(' ') or 'nothing'}, which is not JPEG, PNG or WebP:"
        " have the driver send one of these"
    )


def _jpeg(data: bytes | memoryview) -> Header:
    position = 2
    while True:
        marker, length = struct.unpack_from(">HH", data, position)
        if marker == 0xFFFF:  # fill byte
            position += 1
            continue
        code = marker - 0xFF00
        if code < 0xC0 or code in (0xD9, 0xDA):
            raise ImageError(f"JPEG has marker 0x{marker:04x} where its frame header should be: the data is corrupt")
        if code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):  # any SOFn; the three excluded are DHT, JPG and DAC
            height, width, components = struct.unpack_from(">HHB", data, position + 5)
            return Header(Kind.JPEG, width, height, components)
        position += 2 if 0xD0 <= code <= 0xD7 else 2 + length


def _webp(head: bytes) -> Header:
    chunk = head[12:16]
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return Header(Kind.WEBP, width & 0x3FFF, height & 0x3FFF)
    if chunk == b"VP8L":
        bits = struct.unpack_from("<I", head, 21)[0]
        return Header(Kind.WEBP, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        if len(head) < 30:
            raise IndexError
        return Header(Kind.WEBP, width, height)
    raise ImageError(f"WebP begins with chunk {chunk!r}: the data is corrupt")


def jpeg_is_complete(data: bytes | memoryview) -> bool:
    """Whether an end-of-image marker follows the first scan.

    A truncated stream has none: within a scan every 0xFF is followed by 0x00 or a restart marker. (A
    thumbnail in an APP segment has its own end marker, but before the first scan.)
    """
    stream = bytes(data)
    position = 2
    while True:
        if position + 4 > len(stream):
            return False
        marker, length = struct.unpack_from(">HH", stream, position)
        if marker == 0xFFDA:
            return stream.find(b"\xff\xd9", position + 2 + length) >= 0
        position += 1 if marker == 0xFFFF else 2 + length


def png_is_complete(data: bytes | memoryview) -> bool:
    """Whether every chunk up to IEND lies within the data.

    For a chunk that claims more bytes than there are, OpenCV would allocate up to 4 GB.
    """
    position = 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        at_end = bytes(data[position + 4 : position + 8]) == b"IEND"
        position += 12 + int(length)
        if at_end:
            return position <= len(data)
    return False
