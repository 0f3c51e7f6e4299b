"""A bag that takes long to write: in segments, each a bag of its own, so that a killed run can be resumed.

PATH.part/journal.json says how many segments are finished and how far into the input they reach. At the end the
segments become one bag of several files, as `ros2 bag record --max-bag-size` makes them, and take PATH in one rename.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from rosbags.interfaces import Connection, Qos

from enet_ros import files
from enet_ros.bags.writer import ENDINGS, BagFolder, place
from enet_ros.errors import BagError, EnetRosError

_JOURNAL = "journal.json"
_METADATA = "metadata.yaml"
_VERSION = 2


class TopicPlan(NamedTuple):
    """A topic to be written, with the arguments of `BagFolder.add_topic`."""

    name: str
    type: str
    like: Connection | None = None
    qos: tuple[Qos, ...] = ()


class SegmentedBag:
    """Use as a context manager: the bag is put in its place when the block ends without an error.

    consumed: how many input messages the finished segments cover. Continue with the message after them.
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
        """Begin the bag, or resume one that was interrupted.

        job: the JSON values that decide what is written. Raises BagError where PATH.part is left from another job or
        `path` exists (unless `overwrite`), and where another process is writing it.
        """
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self.consumed = 0
        self._topics = topics
        self._storage = storage
        self._job = json.loads(json.dumps({"version": _VERSION, "storage": storage, **job}))
        self._finished = 0
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
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Put the bag in its place; after an error leave the finished segments in PATH.part, and say so."""
        try:
            if error is None:
                self._finish()
            else:
                self._break_off()
            if isinstance(error, EnetRosError) and self._finished:
                what = f"{self._finished} finished segments are bags in {self.part}"
                raise type(error)(f"{error}; {what}; run the same command again to resume from there") from error
        finally:
            self._lock.close()

    def write(self, topic: str, log_ns: int, cdr: bytes | memoryview) -> None:
        """Append a message to the current segment."""
        if self._bag is None:
            self._bag = self._open()
        self._bag.write(topic, log_ns, cdr)

    def checkpoint(self, consumed: int) -> None:
        """Finish the segment, from which a killed run is resumed. consumed: input messages written so far."""
        if self._bag is None:
            return
        self._bag.close()
        self._bag = None
        self._finished += 1
        self.consumed = consumed
        journal = {"job": self._job, "consumed": consumed, "segments": self._finished}
        try:
            files.write(self.part / _JOURNAL, json.dumps(journal))
        except OSError as error:
            raise BagError(f"cannot write {self.part / _JOURNAL}: {error.strerror}") from error

    def _break_off(self) -> None:
        """Remove the segment that is not finished."""
        if self._bag is not None:
            self._bag.keep()
            shutil.rmtree(self._bag.folder, ignore_errors=True)
        if not self._finished:
            shutil.rmtree(self.part, ignore_errors=True)

    def _folder(self, number: int) -> Path:
        return self.part / f"{self.path.name}_{number}"

    def _file_name(self, number: int) -> str:
        return self._folder(number).name + ENDINGS[self._storage]

    def _open(self) -> BagFolder:
        folder = self._folder(self._finished)
        shutil.rmtree(folder, ignore_errors=True)  # of the run that was killed
        bag = BagFolder(folder, self._storage)
        for topic in self._topics:
            bag.add_topic(*topic)
        return bag

    def _resume(self, overwrite: bool) -> None:
        journal = self.part / _JOURNAL
        if journal.is_file():
            values: Any = json.loads(journal.read_text("utf-8"))
            if values["job"] == self._job and all(map(self._has, range(values["segments"]))):
                self._finished, self.consumed = values["segments"], values["consumed"]
                return
            if values["job"] != self._job and not overwrite:
                raise BagError(
                    f"{self.part} is left from a run with other settings or another input: repeat those to resume it,"
                    " or use --force to begin again"
                )
            journal.unlink()
        for child in self.part.iterdir():
            if child.is_dir():
                shutil.rmtree(child)

    def _has(self, number: int) -> bool:
        """Whether a finished segment is there, in its folder or moved already."""
        places = (self._folder(number), self.part / self.path.name)
        described = (self._folder(number) / _METADATA).is_file()
        return described and any((place / self._file_name(number)).is_file() for place in places)

    def _finish(self) -> None:
        """Bring the segments' files into one folder; a run killed in between is finished by the next."""
        if self._bag is not None or not self._finished:
            raise BagError(f"{self.path} has no finished segment: nothing was written")
        whole = self.part / self.path.name
        whole.mkdir(exist_ok=True)
        try:
            for number in range(self._finished):
                segment = self._folder(number) / self._file_name(number)
                if segment.exists():
                    segment.replace(whole / segment.name)
            files.write(whole / _METADATA, _joined([self._folder(n) / _METADATA for n in range(self._finished)]))
            place(whole, self.path)
        except OSError as error:
            raise BagError(
                f"cannot finish {self.path}: {error.strerror}; run the same command again to resume"
            ) from error
        shutil.rmtree(self.part)


def _joined(metadata: list[Path]) -> str:
    """The metadata.yaml of one bag from those of its segments, whose topics are the same."""
    segments: list[dict[str, Any]] = []
    for path in metadata:
        segments.append(yaml.safe_load(path.read_text("utf-8"))["rosbag2_bagfile_information"])
    entries = [file for segment in segments for file in segment["files"]]
    start = min(file["starting_time"]["nanoseconds_since_epoch"] for file in entries)
    end = max(file["starting_time"]["nanoseconds_since_epoch"] + file["duration"]["nanoseconds"] for file in entries)
    whole = segments[0] | {
        "relative_file_paths": [file["path"] for file in entries],
        "files": entries,
        "starting_time": {"nanoseconds_since_epoch": start},
        "duration": {"nanoseconds": end - start},
        "message_count": sum(file["message_count"] for file in entries),
    }
    for rows in zip(*(segment["topics_with_message_count"] for segment in segments), strict=True):
        rows[0]["message_count"] = sum(row["message_count"] for row in rows)
    return yaml.safe_dump({"rosbag2_bagfile_information": whole}, sort_keys=False)


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
