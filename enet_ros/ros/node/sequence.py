"""How many images got lost between a camera and the node: from the gaps in what the middleware numbers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any


class SequenceGaps:
    """Counts missing numbers of each publisher of a topic."""

    def __init__(self) -> None:
        self._last: dict[object, int] = {}

    def add(self, info: Mapping[str, Any] | None) -> int | None:
        """Messages lost before this one. info: rclpy's message info; None where it has no number (another middleware).

        What was lost before the first message of a publisher is not known; a number that falls begins anew.
        """
        number = None if info is None else info.get("publication_sequence_number")
        if info is None or number is None:
            return None
        publisher = _identity(info.get("publisher_gid"))
        last = self._last.get(publisher)
        self._last[publisher] = number
        return max(0, number - last - 1) if last is not None else 0


def _identity(gid: Any) -> object:
    return gid.get("data") if isinstance(gid, Mapping) else gid


class WithInfo:
    """A subscription's callback that gets (message, info) from every executor.

    rclpy looks at the signature to learn that info is wanted, but its EventsExecutor then passes both as one tuple, and
    Humble passes the message alone.
    """

    __signature__ = inspect.Signature(
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in ("message", "info")]
    )

    def __init__(self, callback: Callable[[Any, Mapping[str, Any] | None], None]) -> None:
        self._callback = callback

    def __call__(self, *arguments: Any) -> None:
        """Called by an executor."""
        if len(arguments) == 1:
            arguments = arguments[0] if isinstance(arguments[0], tuple) else (arguments[0], None)
        self._callback(*arguments)
