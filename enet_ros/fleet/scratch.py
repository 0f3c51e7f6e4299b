"""Copies of bags from a store on this machine's disk, which several processes share, within a limit."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from enet_ros.errors import BagError, WorkerError
from enet_ros.fleet.drives import Drive

RESERVE = 1 << 30
"""Bytes left free on the disk."""


class Scratch:
    """A folder on this machine.

    root  bags/KEY/ holds a copy; KEY.lock beside it is held by those who read it
    own   a folder of this process alone; those of processes that have ended are removed
    """

    def __init__(self, root: Path | None = None, most: int = 0) -> None:
        """root: enet_ros/scratch in the user's cache by default; most: bytes of all copies, 0: half of what is free.

        Raises WorkerError where the folder cannot be made.
        """
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.root = root or cache / "enet_ros" / "scratch"
        self._bags = self.root / "bags"
        try:
            self._bags.mkdir(parents=True, exist_ok=True)
            self.own, self._lock = self._claim(self.root / "own")
        except OSError as error:
            raise WorkerError(
                f"{self.root} cannot be written ({error.strerror}): name a folder by --scratch"
            ) from error
        self._most = most or shutil.disk_usage(self.root).free // 2

    def _claim(self, folder: Path) -> tuple[Path, IO[str]]:
        """A new folder and its lock; others that nobody holds any more are removed."""
        folder.mkdir(exist_ok=True)
        for lock in folder.glob("*.lock"):
            with suppress(OSError), lock.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink()
        own = folder / uuid4().hex[:12]
        lock_file = own.with_suffix(".lock").open("w")
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        own.mkdir()
        return own, lock_file

    @contextmanager
    def bag(self, drive: Drive) -> Iterator[Path]:
        """A bag on this machine's disk: the drive itself, or its copy, which is fetched where it is not there.

        Raises PlaceError where it cannot be fetched, WorkerError where there is no room.
        """
        if drive.place.local is not None:
            yield drive.place.local
            return
        key = hashlib.sha256(repr((str(drive.place), drive.files)).encode()).hexdigest()[:24]
        copy = self._bags / key
        with (self._bags / f"{key}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            while not copy.exists():  # also where it was removed before it could be shared
                fcntl.flock(lock, fcntl.LOCK_EX)  # one fetches, the others wait
                if not copy.exists():
                    self._make_room(drive.size)
                    self._fetch(drive, copy)
                fcntl.flock(lock, fcntl.LOCK_SH)
            os.utime(copy)
            path = copy / drive.place.name
            try:
                yield path
            except BagError as error:  # of the copy, which nobody knows
                raise BagError(str(error).replace(str(path), str(drive.place))) from error

    def _fetch(self, drive: Drive, copy: Path) -> None:
        part = copy.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        for file in drive.files:
            place = drive.place / file.path if file.path else drive.place
            place.get(part / drive.place.name / file.path if file.path else part / drive.place.name)
        part.rename(copy)

    def _make_room(self, size: int) -> None:
        """Remove copies that nobody reads, the longest unused first, until there is room for `size` bytes."""
        if size > self._most:
            raise WorkerError(
                f"a bag of {size / 1e9:.1f} GB does not fit into a scratch of {self._most / 1e9:.1f} GB: give"
                " --scratch-gb more"
            )
        copies = sorted((c for c in self._bags.iterdir() if c.is_dir()), key=lambda c: c.stat().st_mtime)
        sizes = {c: sum(f.stat().st_size for f in c.rglob("*") if f.is_file()) for c in copies}
        used = sum(sizes.values())
        for copy in copies:
            if used + size <= self._most and shutil.disk_usage(self._bags).free >= size + RESERVE:
                return
            with (self._bags / f"{copy.stem}.lock").open("w") as lock, suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(copy)
                used -= sizes[copy]
        if used + size > self._most:
            raise WorkerError(
                f"bags that are being read leave no room in a scratch of {self._most / 1e9:.1f} GB for one of"
                f" {size / 1e9:.1f} GB: give --scratch-gb more"
            )
        if (free := shutil.disk_usage(self._bags).free) < size + RESERVE:
            raise WorkerError(
                f"{self.root} has {free / 1e9:.1f} GB free, and a bag of {size / 1e9:.1f} GB is to be fetched: free"
                " some, or name another disk by --scratch"
            )
