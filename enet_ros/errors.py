"""The one exception family: each message names the offending value and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EnetRosError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(EnetRosError):
    """A parameter, class table, specification or command-line value is unusable."""


class ImageError(EnetRosError):
    """The bytes of an image do not describe an image."""


class ModelError(EnetRosError):
    """A model file is missing, damaged, foreign, or of another version."""


class EngineError(EnetRosError):
    """An inference runtime is missing, or refused to build or run the graph."""


class DatasetError(EnetRosError):
    """Images, labels or a video on disk are missing, unreadable or not as their layout has them."""


class CameraError(EnetRosError):
    """A live camera cannot be opened, or has stopped."""


class BagError(EnetRosError):
    """A bag cannot be read or written."""


class PlaceError(EnetRosError):
    """A place that files are read from or written to cannot be reached, or refuses."""


class WorkerError(EnetRosError):
    """This machine cannot do its part, whatever the bag: its disk is full, its engine fails, it lacks a folder."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """The message for a name that does not exist: it proposes the nearest known name, or lists those known."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(names)}"
    return f"there is no {kind} {name!r}: {hint}"
