"""A bag that takes long to make: written in segments, each a bag of its own, so that a killed run goes on where it was.

PATH.part/journal.json lists the finished segments and how far into the input they reach. At the end the segments become
one bag of several files, as `ros2 bag record --max-bag-size` makes them, and take PATH in one rename.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import Connection, Qos

from enet_ros import files
from enet_ros.bags.metadata import FileEntry, write_metadata
from enet_ros.bags.reader import BagReader
from enet_ros.bags.types import definition_of
from enet_ros.bags.writer import BagFolder, place
from enet_ros.errors import BagError, EnetRosError

_JOURNAL = "journal.json"
_VERSION = 1


@dataclass(frozen=True)
class TopicPlan:
    """A topic to be written; like: a connection of another bag to take definition and QoS from, else `qos`."""

    name: str
    type: str
    like: Connection | None = None
    qos: tuple[Qos, ...] = ()


class SegmentedBag:
    """Use as a context manager: the bag is put in its place when the block ends without an error.

    consumed: how many input messages the finished segments cover; begin after them.
    """

    def __init__(
        self,
        path: Path,
        topics: list[TopicPlan],
        *,
        job: Mapping[str, Any],
        storage: str = "mcap",
        overwrite: bool = False,
    ) -> None:
        """Begin, or go on after a kill.

        job: the JSON values that decide what is written. Raises BagError where PATH.part is left from another job or
        `path` exists (unless `overwrite`), and where another process is writing it.
        """
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self.consumed = 0
        self._topics = topics
        self._storage = storage
        self._job = json.loads(json.dumps({"version": _VERSION, "storage": storage, **job}))
        self._files: list[FileEntry] = []
        self._bag: BagFolder | None = None
        if path.exists() and not overwrite:
            raise BagError(f"{path} exists: give another name, remove it, or use --force")
        self._lock = _locked(self.part)
        try:
            self._resume(overwrite)
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> SegmentedBag:
        """Return the bag, ready to be written."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the bag in its place; after an error leave the finished segments in PATH.part, and say so."""
        try:
            if error is None:
                self._finish()
            else:
                self._break_off()
            if isinstance(error, EnetRosError) and self._files:
                what = f"{len(self._files)} finished segments are bags in {self.part}"
                raise type(error)(f"{error}; {what}, and the same command goes on from there") from error
        finally:
            self._lock.close()

    def write(self, topic: str, log_ns: int, cdr: bytes | memoryview) -> None:
        """Append a message to the current segment."""
        if self._bag is None:
            self._bag = self._open()
        self._bag.write(topic, log_ns, cdr)

    def checkpoint(self, consumed: int) -> None:
        """Finish the segment: a run killed after this goes on from here. consumed: input messages written so far."""
        if self._bag is None:
            return
        self._files.append(self._bag.close())
        self._bag = None
        self.consumed = consumed
        self._write_journal()

    def _break_off(self) -> None:
        """Remove the segment that is not finished."""
        if self._bag is not None:
            self._bag.keep()
            shutil.rmtree(self._bag.folder, ignore_errors=True)
        if not self._files:
            shutil.rmtree(self.part, ignore_errors=True)

    def _folder(self, number: int) -> Path:
        return self.part / f"{self.path.name}_{number}"

    def _open(self) -> BagFolder:
        folder = self._folder(len(self._files))
        shutil.rmtree(folder, ignore_errors=True)  # of the run that was killed
        bag = BagFolder(folder, self._storage)
        for topic in self._topics:
            bag.add_topic(topic.name, topic.type, topic.like, topic.qos)
        return bag

    def _resume(self, overwrite: bool) -> None:
        journal = self.part / _JOURNAL
        if journal.is_file():
            values: Any = json.loads(journal.read_text("utf-8"))
            files = [FileEntry(*entry) for entry in values["files"]]
            if values["job"] == self._job and all(self._has(number, file) for number, file in enumerate(files)):
                self._files, self.consumed = files, int(values["consumed"])
                return
            if values["job"] != self._job and not overwrite:
                raise BagError(
                    f"{self.part} is left from a run with other settings or another input: repeat those to go on, or"
                    " use --force to begin again"
                )
            journal.unlink()
        for child in self.part.iterdir():
            if child.is_dir():
                shutil.rmtree(child)

    def _has(self, number: int, file: FileEntry) -> bool:
        """Whether a finished segment is there, in its folder or moved already."""
        return any((f / file.name).is_file() for f in (self._folder(number), self.part / self.path.name))

    def _write_journal(self) -> None:
        values = {"job": self._job, "consumed": self.consumed, "files": self._files}
        path = self.part / _JOURNAL
        try:
            files.write(path, json.dumps(values))
        except OSError as error:
            raise BagError(f"cannot write {path}: {error.strerror}") from error

    def _finish(self) -> None:
        """Bring the segments' files into one folder; a run killed in between is finished by the next."""
        if self._bag is not None or not self._files:
            raise BagError(f"{self.path} has no finished segment: nothing was written")
        whole = self.part / self.path.name
        whole.mkdir(exist_ok=True)
        try:
            for number, file in enumerate(self._files):
                segment = self._folder(number) / file.name
                if segment.exists():
                    segment.replace(whole / file.name)
            write_metadata(whole, self._storage, self._connections(whole), self._files, {})
            place(whole, self.path)
        except OSError as error:
            raise BagError(f"cannot finish {self.path}: {error.strerror}; run it again to go on") from error
        shutil.rmtree(self.part)

    def _connections(self, whole: Path) -> list[Connection]:
        """The topics as they were written, with their hashes."""
        with BagReader(whole / self._files[0].name) as reader:
            stored = {topic.name: topic.connection for topic in reader.topics}
        names = (plan.name for plan in self._topics)
        return [stored[n]._replace(digest=definition_of(stored[n].msgtype, stored[n].msgdef)[1]) for n in names]


def _locked(part: Path) -> Any:
    """The open lock file of a PATH.part. BagError where another process holds it."""
    try:
        part.mkdir(parents=True, exist_ok=True)
        lock = (part / "lock").open("w")
    except OSError as error:
        raise BagError(f"cannot create {part}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise BagError(f"another process is writing {part}: wait for it, or give another name") from None
    return lock
