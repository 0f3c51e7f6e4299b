"""A drive to take pictures out of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple


class Drive(NamedTuple):
    """A recording.

    name     unique in a run, usable as the name of a folder
    place    where its bag is, for people
    version  JSON values that tell its files from others that take their place
    bag      gives the path of the bag on this machine, for as long as the context lasts
    """

    name: str
    place: str
    version: Any
    bag: Callable[[], AbstractContextManager[Path]]
