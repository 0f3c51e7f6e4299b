"""A file or folder on this machine, or in a store that fsspec opens: s3://, gs://, sftp:// and others."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from glob import escape
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from enet_ros import files
from enet_ros.errors import ConfigError, PlaceError

_QUERY = re.compile(r"\?[\w.~%-]+=[^\s'\"<>]*")
"""That of a URL; the "?" of a glob has no name and "=" after it."""
_SERVED = r"\b(?P<scheme>(?:https?|rtsp\w?|rtmp\w*|srt):/{1,2})"
"""Where a URL begins that has no globs: whatever follows its "?" is a query. Maybe short of a slash, as a path is."""
_SERVED_ALONE = re.compile(rf"{_SERVED}(?P<rest>.*)", re.I | re.S)
_SERVED_IN_TEXT = re.compile(rf"(?:(?<=(?P<quote>['\"])))?{_SERVED}(?P<rest>(?(quote)(?!(?P=quote))\S|\S)*)", re.I)
"""To the next space, or the quote that it is in."""
_USER = re.compile(r"(:/{1,2})(?:[^/?\s]*@|[^/?\s\[:]*:(?!\d*/)\S*@)")
"""User and password of any other: up to the "@" before the path, or to the last one where no port follows the ":"."""


class Found(NamedTuple):
    """A file below a place: its path from there, its size in bytes, and what tells its content from another's."""

    path: str
    size: int
    version: str = ""


@dataclass(frozen=True)
class Place:
    """Where something is or is to be. url: an absolute path, or SCHEME://..., without a slash at its end.

    Methods raise PlaceError where the store cannot be reached or refuses.
    """

    url: str

    @classmethod
    def of(cls, text: str | Path) -> Place:
        """The place that a user names. Raises ConfigError for a scheme that is unknown or lacks its library."""
        place = cls(str(text).rstrip("/") if "://" in str(text) else str(Path(text).absolute()))
        _ = place._opened
        return cls(str(place.local)) if place.local is not None else place

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system, and the path in it."""
        from fsspec.core import url_to_fs

        try:
            fs, path = url_to_fs(self.url)
        except (ValueError, ImportError) as error:
            raise ConfigError(f"{self} cannot be opened: {without_secrets(str(error))}") from error
        except Exception as error:  # a store that is connected to at once, such as sftp
            raise PlaceError(f"{self} cannot be reached: {_reason(error)}") from error
        return fs, str(path)

    @property
    def local(self) -> Path | None:
        """The path on this machine; None of a place in a store."""
        fs, path = self._opened
        return Path(path) if type(fs).__name__ == "LocalFileSystem" else None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return (_without_query(self.url) if "://" in self.url else self.url).rpartition("/")[2]

    @property
    def parent(self) -> Place:
        """The folder it is in."""
        return Place(self.url.rpartition("/")[0] or "/")

    def __truediv__(self, name: str) -> Place:
        return Place(f"{self.url}/{name}")

    def __str__(self) -> str:
        return url_without_secrets(self.url) if "://" in self.url else self.url

    def exists(self) -> bool:
        """Whether there is a file or folder."""
        with self._store("looked for") as (fs, path):
            return bool(fs.exists(path))

    def files(self) -> list[Found]:
        """All files below, by path; the place itself, as "", where it is a file; none where nothing is there."""
        with self._store("listed") as (fs, path):
            found = fs.find(path, detail=True)
            for name in [name for name, info in found.items() if info.get("size") is None]:
                found[name] = fs.info(name)  # HTTP lists names alone
        start = len(path.rstrip("/")) + 1
        return [Found(name[start:], int(info["size"] or 0), _version(info)) for name, info in sorted(found.items())]

    def matching(self, fixed: Place) -> list[Place]:
        """The files and folders that the place, a glob such as "s3://drives/2024-*", stands for.

        fixed: the folder above it whose name is to be taken as it stands, "s3://drives".
        """
        start = fixed._opened[1]
        with self._store("listed") as (fs, path):
            found = sorted(str(name) for name in fs.glob(escape(start) + path[len(start) :]))
        store = self.url.removesuffix(path.lstrip("/"))
        return [Place(store + name.lstrip("/")) for name in found]

    def read(self) -> bytes | None:
        """The content of a file; None where there is none."""
        with self._store("read") as (fs, path):
            try:
                return bytes(fs.cat_file(path))
            except FileNotFoundError:
                return None

    def write(self, content: bytes) -> None:
        """Write a small file, in one step."""
        with self._store("written") as (fs, path):
            if self.local is not None:
                self.local.parent.mkdir(parents=True, exist_ok=True)
                files.write(self.local, content)
                return
            part = f"{path}.{uuid4().hex[:8]}.part"
            fs.makedirs(fs._parent(path), exist_ok=True)
            fs.pipe_file(part, content)
            fs.mv(part, path)

    def create(self, content: bytes) -> bool:
        """Write a small file of a store where there is none, in one step where the store can; whether it did."""
        with self._store("written") as (fs, path):
            fs.makedirs(fs._parent(path), exist_ok=True)
            try:
                fs.pipe_file(path, content, mode="create")
            except FileExistsError:
                return False
            return True

    def get(self, target: Path) -> None:
        """Copy a file of the store to one of this machine."""
        with self._store("fetched") as (fs, path):
            target.parent.mkdir(parents=True, exist_ok=True)
            fs.get_file(path, str(target))

    def put(self, source: Path) -> None:
        """Copy a file of this machine into the store."""
        with self._store("written") as (fs, path):
            fs.makedirs(fs._parent(path), exist_ok=True)
            fs.put_file(str(source), path)

    def move(self, to: Place) -> None:
        """Give a file another name in the same store."""
        with self._store("moved") as (fs, path):
            fs.makedirs(fs._parent(to._opened[1]), exist_ok=True)
            fs.mv(path, to._opened[1])

    def remove(self) -> None:
        """Remove a file, or a folder with what is in it, where there is one."""
        with self._store("removed") as (fs, path), suppress(FileNotFoundError):
            if self.local is not None and self.local.is_dir():
                shutil.rmtree(self.local, ignore_errors=True)
            else:
                fs.rm(path, recursive=True)

    @contextmanager
    def _store(self, done: str) -> Iterator[tuple[Any, str]]:
        """The file system and the path in it. done: what could not be, for the message."""
        fs, path = self._opened
        fs.invalidate_cache()  # others write there too
        try:
            yield fs, path
        except PlaceError:
            raise
        except Exception as error:  # each store raises errors of its own
            raise PlaceError(f"{self} cannot be {done}: {_reason(error)}") from error


def without_secrets(text: str) -> str:
    """A text as people may see it: its URLs without user and password, and without the query, which may be signed.

    A URL that was taken for a path, and has lost a slash by that, likewise. Spaces end a URL here.
    """
    return _QUERY.sub("", _USER.sub(r"\1", _SERVED_IN_TEXT.sub(_bare, text)))


def url_without_secrets(url: str) -> str:
    """The same of a text that is one URL, spaces and quotes included."""
    return without_secrets(_SERVED_ALONE.sub(_bare, url))


def _bare(served: re.Match[str]) -> str:
    """A URL of _SERVED without secrets; its scheme alone where a password is cut short by what cannot be in one."""
    place = re.sub(r"\A[^/\[]*[:@].*@", "", served["rest"].partition("?")[0], flags=re.S)
    cut_short = re.match(r"[^/\[]*:(?!\d*[\]).,:;'\">]*(/|$))", place)
    return served["scheme"] + ("" if cut_short else place)


def _without_query(url: str) -> str:
    return url.partition("?")[0] if _SERVED_ALONE.search(url) else _QUERY.sub("", url)


def _version(info: dict[str, Any]) -> str:
    """What a store says of a file's content or age."""
    return next((str(info[key]) for key in ("ETag", "etag", "mtime", "created") if key in info), "")


def _reason(error: Exception) -> str:
    """What a store said, with the remedy where it lacks credentials."""
    text = without_secrets(getattr(error, "strerror", None) or str(error) or type(error).__name__)
    words = f"{type(error).__name__} {error}".lower()
    denied = isinstance(error, PermissionError) or any(word in words for word in ("credential", "authentic", "denied"))
    return f"{text}: check the credentials that this store's library looks for" if denied else text
