"""A drive to take pictures out of."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Drive(NamedTuple):
    """A recording. name: unique in a run, usable as the name of a folder; path: of its bag."""

    name: str
    path: Path
