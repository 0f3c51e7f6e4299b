"""The drives of a run: bags, by names that tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from enet_ros.errors import BagError

_ENDINGS = (".mcap", ".db3")


class Drive(NamedTuple):
    """A recording. name: unique in a run, usable as the name of a folder; path: of its bag."""

    name: str
    path: Path


def drives_of(paths: Sequence[Path]) -> list[Drive]:
    """A drive for each bag, or for each bag in a folder of bags, sorted by path and named by as little of it as does.

    Raises BagError where a path does not exist, holds no bag, or is given twice.
    """
    bags = sorted(bag for path in paths for bag in _bags(path))
    if twice := next((bag for bag, following in pairwise(bags) if bag == following), None):
        raise BagError(f"the drive {twice} is given twice: give it once")
    parts = [(*bag.parent.parts[1:], bag.stem if bag.is_file() else bag.name) for bag in bags]
    for length in range(1, max(map(len, parts), default=0) + 1):
        names = ["_".join(each[-length:]) for each in parts]
        if len(set(names)) == len(names):
            return [Drive(name, bag) for name, bag in zip(names, bags, strict=True)]
    raise BagError(f"drives have one name ({', '.join(map(str, bags))}): rename one")


def _bags(path: Path) -> list[Path]:
    path = path.resolve()
    if not path.exists():
        raise BagError(
            f"there is no drive {path}: give the folder of a bag, its .mcap or .db3 file, or a folder of bags"
        )
    if path.is_file() or _is_bag(path):
        return [path]
    found = [child for child in path.iterdir() if child.suffix in _ENDINGS or (child.is_dir() and _is_bag(child))]
    if not found:
        raise BagError(f"{path} holds no bag: give the folder of a bag, its .mcap or .db3 file, or a folder of bags")
    return found


def _is_bag(folder: Path) -> bool:
    """Whether a folder is one bag: it has metadata, or the files of a recording that was cut off."""
    files = [child for child in folder.iterdir() if child.is_file()]
    several = sum(child.suffix in _ENDINGS for child in files)
    return any(child.name == "metadata.yaml" for child in files) or (several == 1 and len(files) == 1)
