"""Where a robot was while it recorded: poses from odometry, or from TF."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from enet_ros.arrays import F64, I64
from enet_ros.bags.messages import from_cdr
from enet_ros.bags.reader import BagReader
from enet_ros.errors import BagError
from enet_ros.stamps import NS, stamp_ns

ODOMETRY = "nav_msgs/msg/Odometry"
TF = "tf2_msgs/msg/TFMessage"
_OLDEST_NS = NS // 2
"""A pose further away in time than this is not that of an image."""

Pose = tuple[float, float, float, float, float, float, float]
"""x, y, z in metres and the quaternion x, y, z, w"""


class Track(NamedTuple):
    """Poses of a robot in a fixed frame, in order of time. stamps_ns: (N,); poses: (N, 7)."""

    frame: str
    stamps_ns: I64
    poses: F64

    def at(self, stamp: int) -> Pose | None:
        """The pose next to a stamp in ns; None where none lies within half a second."""
        place = int(np.searchsorted(self.stamps_ns, stamp))
        near = [index for index in (place - 1, place) if 0 <= index < len(self.stamps_ns)]
        best = min(near, key=lambda index: abs(int(self.stamps_ns[index]) - stamp))
        if abs(int(self.stamps_ns[best]) - stamp) > _OLDEST_NS:
            return None
        x, y, z, qx, qy, qz, qw = self.poses[best].tolist()
        return x, y, z, qx, qy, qz, qw


def track_of(reader: BagReader, base_frame: str) -> tuple[Track | None, str]:
    """The track of a bag, and why there is none: by the odometry with most messages, else (also where none of those can
    be read) by TF of `base_frame`.

    Of TF the transform is taken whose child the base frame is, such as odom -> base_link.
    """
    odometry = max((t for t in reader.topics if t.type == ODOMETRY and t.total), key=lambda t: t.total, default=None)
    if odometry is not None:
        messages = _readable(reader, (odometry.name,))
        placed = [(m.header.frame_id, stamp_ns(m.header.stamp), _pose(m.pose.pose)) for m in messages]
        if placed:
            return _track(placed), ""
    topics = _tf_topics(reader)
    children: Counter[str] = Counter()
    rows = []
    for message in _readable(reader, topics) if topics else ():
        for transform in message.transforms:
            child = transform.child_frame_id.lstrip("/")
            children[child] += 1
            if child == base_frame:
                moved = transform.transform
                pose = _numbers(moved.translation, moved.rotation)
                rows.append((transform.header.frame_id, stamp_ns(transform.header.stamp), pose))
    if rows:
        return _track(rows), ""
    if children:
        known = ", ".join(sorted(children)[:6])
        return None, f"its TF moves no frame {base_frame!r} ({known}): name one by --base-frame"
    return None, "it has no odometry (nav_msgs/Odometry) and no TF that can be read"


def _readable(reader: BagReader, topics: Sequence[str]) -> Iterator[Any]:
    """The decoded messages of some topics, up to where a bag is damaged."""
    with suppress(BagError):
        for message in reader.messages(topics):
            yield from_cdr(message.type, message.data)


def _tf_topics(reader: BagReader) -> list[str]:
    return [t.name for t in reader.topics if t.type == TF and t.total and t.name.rpartition("/")[2] == "tf"]


def _track(rows: list[tuple[str, int, Pose]]) -> Track:
    rows.sort(key=lambda row: row[1])
    stamps = np.array([row[1] for row in rows], np.int64)
    return Track(rows[0][0], stamps, np.array([row[2] for row in rows], np.float64).reshape(-1, 7))


def _pose(pose: Any) -> Pose:
    return _numbers(pose.position, pose.orientation)


def _numbers(place: Any, turn: Any) -> Pose:
    return place.x, place.y, place.z, turn.x, turn.y, turn.z, turn.w
