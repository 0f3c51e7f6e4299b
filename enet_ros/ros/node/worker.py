"""One worker thread behind a mailbox of one: the newest frame wins, and the executor's threads stay free."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds at most one item. `put` never waits; `take` waits for an item or for the box to be closed."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: T | None = None
        self._closed = False

    def put(self, item: T) -> bool:
        """Leave an item. True where one was lost: the one it replaced, or itself where the box is closed."""
        with self._condition:
            if self._closed:
                return True
            lost = self._item is not None
            self._item = item
            self._condition.notify()
            return lost

    def take(self) -> T | None:
        """Wait for an item; None once the box is closed."""
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


class Worker(Generic[T]):
    """Works on items in a thread of its own until stopped. An item whose work raises is reported; the next follows."""

    def __init__(self, name: str, work: Callable[[T], None], on_error: Callable[[Exception], None]) -> None:
        self._work = work
        self._on_error = on_error
        self._mailbox: Mailbox[T] = Mailbox()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: T) -> bool:
        """Leave an item without waiting. True where an item was lost that the worker had not taken."""
        return self._mailbox.put(item)

    def stop(self) -> bool:
        """Finish the item in hand and end the thread. True where an item was left in the mailbox."""
        lost = self._mailbox.close()
        self._thread.join()
        return lost

    def _run(self) -> None:
        while (item := self._mailbox.take()) is not None:
            try:
                self._work(item)
            except Exception as error:  # noqa: BLE001 - reported; whatever an engine raises, the next frame is served
                self._on_error(error)
