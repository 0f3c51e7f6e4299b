"""Writing a rosbag2 bag: a folder with metadata.yaml and an .mcap or .db3 file, whole or not at all.

The metadata has version 8, the newest that Humble, Iron, Jazzy and later all read.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from rosbags.interfaces import Connection, Qos
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2.errors import WriterError

from enet_ros.bags.messages import definition_of
from enet_ros.bags.storage import DurableWriter, Written
from enet_ros.errors import BagError, EnetRosError
from enet_ros.files import place, sync

STORAGES: Final = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}
ENDINGS: Final = {"mcap": ".mcap", "sqlite3": ".db3"}
_DISK_ERRORS = (OSError, sqlite3.Error)


class BagFolder:
    """A bag folder being written, with one storage file."""

    def __init__(self, folder: Path, storage: str = "mcap") -> None:
        """Make the folder. Raises BagError where it exists, cannot be made, or `storage` is unknown."""
        if storage not in STORAGES:
            raise BagError(f"there is no storage {storage!r}; use one of {', '.join(STORAGES)}")
        self.folder = folder
        self.count = 0
        self._topics: dict[str, Connection] = {}
        self._writer = DurableWriter(folder, version=8, storage_plugin=STORAGES[storage])
        try:
            self._writer.open()
        except (WriterError, *_DISK_ERRORS) as error:
            raise BagError(f"cannot create {folder}: {_reason(error)}") from error

    def set_custom_data(self, key: str, value: str) -> None:
        """Set a value of the bag's custom data (`ros2 bag info --verbose` shows it)."""
        self._writer.set_custom_data(key, value)

    def add_topic(self, name: str, msgtype: str, like: Connection | None = None, qos: Sequence[Qos] = ()) -> None:
        """Announce a topic, with the definition, QoS and hash of `like`, a connection of another bag, where given.

        Raises BagError for a name given twice or a type without a definition.
        """
        if name in self._topics:
            raise BagError(f"topic {name} is in the bag already: give another prefix")
        try:
            definition, digest = definition_of(msgtype, like and like.msgdef, like.digest if like else "")
        except BagError as error:
            raise BagError(f"topic {name}: {error}") from error
        extension: Any = like.ext if like is not None else None
        try:
            self._topics[name] = self._writer.add_connection(
                name,
                msgtype,
                msgdef=definition,
                rihs01=digest,
                offered_qos_profiles=extension.offered_qos_profiles if extension else qos,
            )
        except (WriterError, *_DISK_ERRORS) as error:
            raise BagError(f"cannot add topic {name} to {self.folder}: {_reason(error)}") from error

    def write(self, topic: str, log_ns: int, cdr: bytes | memoryview) -> None:
        """Append a serialized message. Raises BagError with its number where the disk refuses."""
        try:
            self._writer.write(self._topics[topic], log_ns, cdr)
        except KeyError:
            raise BagError(f"topic {topic} was not announced with add_topic") from None
        except _DISK_ERRORS as error:
            what = f"message {self.count} ({topic}, {len(cdr)} bytes)"
            raise BagError(f"{what} could not be written to {self.folder}: {_reason(error)}") from error
        self.count += 1

    def close(self) -> None:
        """Finish the bag. Raises BagError where the disk refuses."""
        if not self.count:
            self._writer.min_timestamp = 0
        try:
            self._writer.close()
        except (WriterError, *_DISK_ERRORS) as error:
            raise BagError(f"the end of {self.folder} could not be written: {_reason(error)}") from error
        for file in self.folder.iterdir():
            sync(file)

    def keep(self) -> int:
        """After an error, finish the bag with what is safely on disk. Returns how many messages that is."""
        storage: Any = self._writer.storage
        if storage is None:
            return self.count
        written: Written = storage.keep()
        self._writer.counts = {c.id: written.counts.get(c.id, 0) for c in self._writer.connections}
        self._writer.min_timestamp, self._writer.max_timestamp = written.start_ns, written.end_ns
        storage.close = lambda version, metadata: None  # `keep` has closed the file
        with suppress(OSError):  # the storage file is readable without metadata.yaml
            self._writer.close()
        return sum(written.counts.values())


class BagWriter:
    """A bag that appears in its place only when it is whole.

    Until then it is PATH.part/NAME. After an error it stays there with all messages that could be written, a
    valid bag, and the error says so. Use as a context manager.
    """

    def __init__(self, path: Path | str, *, storage: str = "mcap", overwrite: bool = False) -> None:
        """Begin the bag. Raises BagError where `path` or PATH.part exists, unless `overwrite`."""
        self.path = Path(path)
        self.part = self.path.with_name(f"{self.path.name}.part")
        for existing, what in ((self.path, "exists"), (self.part, "is left from an interrupted run")):
            if existing.exists() and not overwrite:
                raise BagError(f"{existing} {what}: give another name, remove it, or use --force")
        if self.part.exists():
            shutil.rmtree(self.part)
        self._bag = BagFolder(self.part / self.path.name, storage)
        self.add_topic = self._bag.add_topic
        self.write = self._bag.write
        self.set_custom_data = self._bag.set_custom_data

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Put the bag in its place, or keep what there is of it beside that place."""
        if error is None:
            try:
                self._bag.close()
            except BagError as failure:
                raise self._kept(failure) from failure
            place(self._bag.folder, self.path)
            self.part.rmdir()
            return
        if isinstance(error, EnetRosError):
            raise self._kept(error) from error
        self._kept(error)

    def _kept(self, error: BaseException) -> EnetRosError:
        kept = self._bag.keep()
        if not kept:
            shutil.rmtree(self.part, ignore_errors=True)
            return BagError(f"{error}; nothing was written")
        return BagError(f"{error}; the first {kept} messages are a bag in {self._bag.folder}")


def _reason(error: Exception) -> str:
    """The system's message, without the file name, which the error gives already."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
