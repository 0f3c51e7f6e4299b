"""One slot between the subscription and the worker: the newest frame wins, the loser is counted."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds at most one item. `put` never waits; `take` does, until there is an item or the box is closed."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: T | None = None
        self._closed = False

    def put(self, item: T) -> bool:
        """Leave an item; True where one was lost: the one it replaced, or itself where the box is closed."""
        with self._condition:
            if self._closed:
                return True
            lost = self._item is not None
            self._item = item
            self._condition.notify()
            return lost

    def take(self) -> T | None:
        """The item, waiting for one; None once the box is closed."""
        with self._condition:
            while self._item is None and not self._closed:
                self._condition.wait()
            item, self._item = self._item, None
            return item

    def close(self) -> bool:
        """End every `take`. True where an item was lost in the box."""
        with self._condition:
            self._closed = True
            lost, self._item = self._item is not None, None
            self._condition.notify_all()
            return lost
