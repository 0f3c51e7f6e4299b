"""Stamps in nanoseconds: from and to the (sec, nanosec) of builtin_interfaces/Time, and in serialized messages."""

from __future__ import annotations

import struct
from typing import Any, Final

from enet_ros.errors import BagError

NS: Final = 1_000_000_000
"""Nanoseconds of a second."""

_HEADER_BYTES: Final = 12
"""The encapsulation and the stamp, with which a message begins that has a std_msgs/Header first."""


def stamp_ns(stamp: Any) -> int:
    """Nanoseconds of a builtin_interfaces/Time of rclpy or rosbags, since the epoch of the stamp's clock."""
    return int(stamp.sec) * NS + int(stamp.nanosec)


def sec_nanosec(stamp_ns: int) -> tuple[int, int]:
    """The fields of a builtin_interfaces/Time; nanosec is 0..999,999,999, also before the epoch."""
    return divmod(stamp_ns, NS)


def cdr_stamp_ns(data: bytes | memoryview) -> int:
    """The stamp of a serialized message that begins with a std_msgs/Header, without decoding the message.

    data: CDR with its four encapsulation bytes (OMG DDSI-RTPS 10.2). BagError where it is too short to have a stamp.
    """
    sec, nanosec = struct.unpack_from(_layout(data), data, 4)
    return int(sec) * NS + int(nanosec)


def with_cdr_stamp(data: bytes | memoryview, stamp_ns: int) -> bytes:
    """The same serialized message with another stamp in its std_msgs/Header. BagError as `cdr_stamp_ns`."""
    stamp = struct.pack(_layout(data), *sec_nanosec(stamp_ns))
    return b"".join((memoryview(data)[:4], stamp, memoryview(data)[_HEADER_BYTES:]))


def _layout(data: bytes | memoryview) -> str:
    """struct's format of the stamp, in the message's byte order."""
    if len(data) < _HEADER_BYTES:
        raise BagError(f"a message of {len(data)} bytes has no stamp: it does not begin with a std_msgs/Header")
    return "<iI" if data[1] == 1 else ">iI"
