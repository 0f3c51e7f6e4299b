"""Fast DDS's shared memory that killed processes leave behind. Standard library alone: it is needed before rclpy."""

from __future__ import annotations

import fcntl
import os
import re
import time
from contextlib import suppress
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
_LOCK = re.compile(r"(?:fastdds|fastrtps)_[0-9a-z]{16}_el")
_YOUNG_S = 5.0
"""A younger segment's owner may be about to lock it."""


def left_behind(folder: Path = SHARED_MEMORY) -> list[Path]:
    """The shared memory segments whose process has died without removing them: up to 70 MB each.

    As `fastdds shm clean` finds them: the owner of NAME holds a lock on NAME_el for as long as it lives.
    """
    if not folder.is_dir():
        return []
    locks = [path for path in folder.iterdir() if _LOCK.fullmatch(path.name)]
    return [lock.with_name(lock.name.removesuffix("_el")) for lock in locks if _is_ownerless(lock)]


def clean(folder: Path = SHARED_MEMORY) -> None:
    """Remove them, as far as they are ours to remove; else a node that crashes and respawns fills the memory."""
    for segment in left_behind(folder):
        for path in (segment, segment.with_name(f"{segment.name}_el")):
            with suppress(OSError):
                path.unlink()


def _is_ownerless(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:  # gone, or another user's
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return time.time() - os.fstat(descriptor).st_mtime > _YOUNG_S
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
