"""One worker thread behind a mailbox of one: the newest item wins, and whoever leaves it there never waits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Worker(Generic[T]):
    """Works on items in a thread of its own until stopped. Work that raises is reported; the next item follows."""

    def __init__(
        self, name: str, work: Callable[[Callable[[], T | None]], None], on_error: Callable[[Exception], None]
    ) -> None:
        """work: called when there is an item, with what takes it: having waited for its turn, it gets the newest."""
        self._work = work
        self._on_error = on_error
        self._condition = threading.Condition()
        self._waiting: T | None = None
        self._errands: deque[Callable[[], None]] = deque()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: T) -> bool:
        """Leave an item. True where one was lost: the one it replaced, or itself where the worker is stopped."""
        with self._condition:
            if self._stopped:
                return True
            lost, self._waiting = self._waiting is not None, item
            self._condition.notify()
            return lost

    def between(self, errand: Callable[[], None]) -> None:
        """Have something done between two items, in order and before the next; it must not raise.

        Nobody waits for it. Once the worker is stopped, it is done here.
        """
        with self._condition:
            if not self._stopped:
                self._errands.append(errand)
                self._condition.notify()
                return
        errand()

    def stop(self) -> bool:
        """Finish the item in hand and all errands, end the thread. True where an item was waiting, which is lost."""
        with self._condition:
            self._stopped = True
            lost, self._waiting = self._waiting is not None, None
            self._condition.notify()
        self._thread.join()
        return lost

    def _take(self) -> T | None:
        """The item; None where the worker has been stopped since there was one."""
        with self._condition:
            item, self._waiting = self._waiting, None
            return item

    def _there_is_one(self) -> bool:
        """Wait for an item and do the errands; False once stopped."""
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._stopped or self._errands or self._waiting is not None)
                if not self._errands:
                    return self._waiting is not None
                errand = self._errands.popleft()
            errand()

    def _run(self) -> None:
        while self._there_is_one():
            item = self._waiting
            try:
                self._work(self._take)
            except Exception as error:  # noqa: BLE001 - reported; whatever an engine raises, the next frame is served
                with self._condition:
                    if self._waiting is item:  # not even taken: it would come again and again
                        self._waiting = None
                self._on_error(error)
