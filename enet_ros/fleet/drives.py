"""The bags that a user means by folders, globs and single bags, on this machine or in a store."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from enet_ros.bags.writer import ENDINGS
from enet_ros.errors import ConfigError
from enet_ros.places import Found, Place, without_secrets

_METADATA = "metadata.yaml"
_GLOB = re.compile(r"[*?\[]")


class Drive(NamedTuple):
    """A bag.

    place  the bag: a folder, or a storage file
    name   its path below what the user named, without a file's ending: unique, for results
    files  its files, by their paths from `place`; one with the path "" where the place is a file
    """

    place: Place
    name: str
    files: tuple[Found, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(file.size for file in self.files)


def is_bag(place: Place) -> bool:
    """Whether a place is one bag, rather than a folder of bags."""
    return [drive.place for drive in _below(place, place)] == [place]


def is_glob(place: Place) -> bool:
    """Whether a place is a pattern: what exists is not, whatever its name."""
    return bool(_GLOB.search(without_secrets(place.url))) and not place.exists()


def find_drives(sources: Sequence[str], out: Place | None = None) -> list[Drive]:
    """The bags that `sources` name, sorted by name, without those below `out`.

    Raises ConfigError where a source holds no bag, two would have one name, or one would lie within another's result;
    PlaceError where one cannot be listed.
    """
    drives: dict[str, Drive] = {}
    for source in sources:
        place = Place.of(source)
        fixed = place
        while is_glob(fixed):
            fixed = fixed.parent
        found = [d for match in (place.matching(fixed) if fixed != place else [place]) for d in _below(match, fixed)]
        found = [d for d in found if out is None or not f"{d.place}/".startswith(f"{out}/")]
        if not found:
            raise ConfigError(f"{place} holds no bag: name folders with .mcap or .db3 files, or a glob in quotes")
        for drive in found:
            other = drives.setdefault(drive.name, drive)
            if other.place != drive.place:
                raise ConfigError(
                    f"{other.place} and {drive.place} would both be called {drive.name}: name one of them"
                )
    for name, drive in drives.items():
        for parent in PurePosixPath(name).parents:
            if (around := drives.get(str(parent))) is not None:
                raise ConfigError(
                    f"{drive.place} would be called {name}, and {around.place} {around.name}: rename one, as no result"
                    " can lie within another"
                )
    return [drives[name] for name in sorted(drives)]


def _below(place: Place, root: Place) -> list[Drive]:
    """The bags at or below a place, named from `root`.

    A folder is one bag where it has metadata.yaml, or all its storage files have names that rosbag2 gives in it.
    """
    folders: dict[str, list[Found]] = defaultdict(list)
    for file in place.files():
        path = PurePosixPath(file.path)
        if not any(part.startswith(".") or part.endswith((".part", ".old")) for part in path.parts):
            folders[str(path.parent) if file.path else ""].append(file)
    drives = []
    for folder, files in folders.items():
        where = place if folder in ("", ".") else place / folder
        bags = [file for file in files if _is_storage(file.path or place.name)]
        if any(PurePosixPath(f.path).name == _METADATA for f in files) or (bags and _are_one(where.name, bags)):
            within = [f._replace(path=PurePosixPath(f.path).name) for f in files]
            drives.append(Drive(where, _name(where, root), tuple(within)))
        else:
            each = [place / file.path if file.path else place for file in bags]
            drives += [Drive(w, _name(w, root), (f._replace(path=""),)) for w, f in zip(each, bags, strict=True)]
    return drives


def _is_storage(path: str) -> bool:
    return PurePosixPath(path).suffix in ENDINGS.values()


def _are_one(folder: str, bags: list[Found]) -> bool:
    return all(re.fullmatch(rf"{re.escape(folder)}(_\d+)?", PurePosixPath(bag.path).stem) for bag in bags)


def _name(bag: Place, root: Place) -> str:
    """A bag's path below the root; its own name where it is the root."""
    path = PurePosixPath(bag.url[len(root.url) :].strip("/") or bag.name)
    return str(path.with_suffix("")) if _is_storage(str(path)) else str(path)
