"""A bag that takes long to write: in segments, each a bag of its own, so that a killed run can be resumed.

The segments may be written in any order, by several processes and machines at once, and more than once. PATH.part has
  job.json               what decides the content
  ATTEMPT/NAME_3/        a segment, as far as somebody has come with it
  3.json                 says that segment 3 is finished, and which attempt it is
At the end the segments become one bag of several files, as `ros2 bag record --max-bag-size` makes them. On a file
system it takes PATH in one rename. A store cannot rename folders: there the bag is whole when its metadata.yaml is
there, the file that is moved last.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from uuid import uuid4

import yaml
from rosbags.interfaces import Connection, Qos

from enet_ros.bags.writer import ENDINGS, BagFolder
from enet_ros.errors import BagError, PlaceError
from enet_ros.files import place
from enet_ros.holding import LOCK
from enet_ros.places import Place

_METADATA = "metadata.yaml"
_VERSION = 3
_JOB = "job.json"
_MADE_BY = "enet_ros.job"
_AMISS = "enet_ros.amiss"
"""Keys of a bag's custom data: what tells the job that made it, and what was amiss with its input."""


class TopicPlan(NamedTuple):
    """A topic to be written, with the arguments of `BagFolder.add_topic`."""

    name: str
    type: str
    like: Connection | None = None
    qos: tuple[Qos, ...] = ()


class Segment:
    """One segment being written, as a context manager: after an error nothing is left of it."""

    def __init__(
        self, part: SegmentedBag, number: int, topics: list[TopicPlan], custom: Mapping[str, str], folder: Path
    ) -> None:
        self._part = part
        self._number = number
        self._topics = topics
        self._custom = custom
        self._folder = folder
        self._bag: BagFolder | None = None
        self._finished = False

    def __enter__(self) -> Segment:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bag is not None and not self._finished:
            self._bag.keep()
            shutil.rmtree(self._folder.parent, ignore_errors=True)

    def write(self, topic: str, log_ns: int, cdr: bytes | memoryview) -> None:
        """Append a message. Raises BagError."""
        if self._bag is None:
            self._bag = BagFolder(self._folder, self._part.storage)
            for plan in self._topics:
                self._bag.add_topic(*plan)
            for key, value in self._custom.items():
                self._bag.set_custom_data(key, value)
        self._bag.write(topic, log_ns, cdr)

    def finish(self, account: str) -> None:
        """Commit the segment. account: what its maker says of it, which `SegmentedBag.finished` gives back."""
        if self._bag is not None:
            self._bag.close()
        self._part.commit(self._number, None if self._bag is None else self._folder, account)
        self._finished = True


class SegmentedBag:
    """The bag `out`, and its segments in `out`.part. Processes that write segments have one each, of the same `out`."""

    def __init__(self, out: Place, storage: str = "mcap") -> None:
        self.out = out
        self.storage = storage
        self.part = out.parent / f"{out.name}.part"

    def refuse_existing(self, overwrite: bool) -> None:
        """Raise BagError where the bag is there, unless it is to be replaced."""
        if self.whole() and not overwrite:
            raise BagError(f"{self.out} exists: give another name, remove it, or use --force")

    def begin(self, job: Mapping[str, Any], overwrite: bool = False) -> None:
        """Begin the bag, or resume one that was interrupted; what unfinished attempts have left is removed.

        job: the JSON values that decide what is written. Raises BagError where PATH.part is left from another job,
        unless `overwrite`.
        """
        job = self._job(job)
        stored = self.part / _JOB
        before = stored.read()
        if before is not None and json.loads(before) != job:
            if not overwrite:
                raise BagError(
                    f"{self.part} is left from a run with other settings or another input: repeat those to resume it,"
                    " or use --force to begin again"
                )
            before = None
        if before is None:
            self._clean(set())
            stored.write(json.dumps(job).encode())
        else:
            entries = self._entries()
            self._clean({f"{number}.json" for number in entries} | {str(e["attempt"]) for e in entries.values()})

    def whole(self) -> bool:
        """Whether the bag is there."""
        return (self.out if self.out.local is not None else self.out / _METADATA).exists()

    def finished(self) -> dict[int, str]:
        """The accounts of the segments that are finished, by their numbers."""
        return {number: str(entry["account"]) for number, entry in self._entries().items()}

    def made_by(self, job: Mapping[str, Any]) -> str | None:
        """What `join` was told to be amiss, where the bag is there and made by this job, wherever its input was.

        None where it is not.
        """
        metadata = (self.out / _METADATA).read()
        if metadata is None:
            return None
        found = yaml.safe_load(metadata)["rosbag2_bagfile_information"].get("custom_data") or {}
        return str(found.get(_AMISS, "")) if found.get(_MADE_BY) == _digest(self._job(job)) else None

    def segment(
        self,
        number: int,
        topics: list[TopicPlan],
        scratch: Path | None = None,
        custom: Mapping[str, str] | None = None,
    ) -> Segment:
        """A segment to be written.

        scratch: a folder on this machine, needed where the bag goes to a store. custom: the bag's custom data.
        """
        folder = self.part.local or scratch
        if folder is None:
            raise BagError(f"{self.out} is in a store: its segments need a scratch folder")
        return Segment(self, number, topics, custom or {}, folder / uuid4().hex[:12] / self._name(number))

    def commit(self, number: int, folder: Path | None, account: str) -> None:
        """Say that a segment is finished, and that it is in `folder`; None: it has no message."""
        attempt = None
        if folder is not None:
            attempt = folder.parent.name
            if self.part.local is None:
                for file in folder.iterdir():
                    (self.part / attempt / folder.name / file.name).put(file)
                shutil.rmtree(folder.parent)
        (self.part / f"{number}.json").write(json.dumps({"attempt": attempt, "account": account}).encode())

    def join(self, count: int, amiss: str = "") -> None:
        """Make the first `count` segments one bag and put it in its place. Raises PlaceError where one is missing.

        amiss: what is to be told of it again by later runs. A run that was killed in between is finished by the next.
        """
        entries = self._entries()
        missing = [number for number in range(count) if number not in entries]
        if missing:
            raise PlaceError(f"{self.part} lacks segment {missing[0]}: run the same command again")
        folders = {
            n: self.part / str(entries[n]["attempt"]) / self._name(n) for n in range(count) if entries[n]["attempt"]
        }
        if not folders:
            raise BagError(f"{self.out} would have no message: nothing was written")
        whole = self.out if self.part.local is None else self.part / self.out.name
        made_by = {_MADE_BY: _digest(json.loads((self.part / _JOB).read() or b"{}")), _AMISS: amiss}
        metadata = _joined([(folder / _METADATA).read() or b"" for folder in folders.values()], made_by)
        (whole / _METADATA).remove()
        files = {folder: f"{folder.name}{ENDINGS[self.storage]}" for folder in folders.values()}
        for folder, file in files.items():
            if (folder / file).exists():
                (folder / file).move(whole / file)
        for stale in {found.path for found in whole.files()} - set(files.values()):
            (whole / stale).remove()  # of the bag that is replaced
        (whole / _METADATA).write(metadata.encode())
        if whole.local is not None and self.out.local is not None:
            place(whole.local, self.out.local)
        self.part.remove()

    def _job(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """A job as it reads from its file."""
        values: dict[str, Any] = json.loads(json.dumps({"version": _VERSION, "storage": self.storage, **job}))
        return values

    def _name(self, number: int) -> str:
        return f"{self.out.name}_{number}"

    def _entries(self) -> dict[int, dict[str, Any]]:
        """What NUMBER.json says of each finished segment whose files are there."""
        present = {found.path for found in self.part.files()}
        entries = {}
        for path in present:
            number = path.removesuffix(".json")
            if not (path.endswith(".json") and number.isdigit()):
                continue
            entry: dict[str, Any] = json.loads((self.part / path).read() or b"{}")
            if "account" in entry and self._has(present, int(number), entry["attempt"]):
                entries[int(number)] = entry
        return entries

    def _has(self, present: set[str], number: int, attempt: str | None) -> bool:
        """Whether a segment is there, in its folder or moved already."""
        if attempt is None:
            return True
        folder, file = f"{attempt}/{self._name(number)}", f"{self._name(number)}{ENDINGS[self.storage]}"
        if f"{folder}/{_METADATA}" not in present:
            return False
        if present & {f"{folder}/{file}", f"{self.out.name}/{file}"}:
            return True
        return self.part.local is None and not self.whole() and (self.out / file).exists()

    def _clean(self, kept: set[str]) -> None:
        """Remove what is in PATH.part but for these, the job, the lock and a bag that is being joined."""
        kept = kept | {_JOB, LOCK} | ({self.out.name} if kept else set())
        for name in {found.path.partition("/")[0] for found in self.part.files()} - kept:
            (self.part / name).remove()


def _digest(job: dict[str, Any]) -> str:
    """What tells a job from others, wherever its input is."""
    return hashlib.sha256(json.dumps({**job, "input": ""}, sort_keys=True).encode()).hexdigest()


def _joined(metadata: list[bytes], custom: dict[str, str]) -> str:
    """The metadata.yaml of one bag from those of its segments, whose topics are the same."""
    segments: list[dict[str, Any]] = []
    for content in metadata:
        segments.append(yaml.safe_load(content)["rosbag2_bagfile_information"])
    entries = [file for segment in segments for file in segment["files"]]
    start = min(file["starting_time"]["nanoseconds_since_epoch"] for file in entries)
    end = max(file["starting_time"]["nanoseconds_since_epoch"] + file["duration"]["nanoseconds"] for file in entries)
    whole = segments[0] | {
        "relative_file_paths": [file["path"] for file in entries],
        "files": entries,
        "starting_time": {"nanoseconds_since_epoch": start},
        "duration": {"nanoseconds": end - start},
        "message_count": sum(file["message_count"] for file in entries),
        "custom_data": (segments[0].get("custom_data") or {}) | custom,
    }
    for rows in zip(*(segment["topics_with_message_count"] for segment in segments), strict=True):
        rows[0]["message_count"] = sum(row["message_count"] for row in rows)
    return yaml.safe_dump({"rosbag2_bagfile_information": whole}, sort_keys=False)
