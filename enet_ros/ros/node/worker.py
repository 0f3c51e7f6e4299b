"""The one thread that does the work, so that the executor's threads are always free for the next message."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from enet_ros.ros.node.mailbox import Mailbox

T = TypeVar("T")


class Worker(Generic[T]):
    """Takes items from a mailbox until stopped. An item whose work raises is reported, and the next is served."""

    def __init__(self, name: str, work: Callable[[T], None], on_error: Callable[[Exception], None]) -> None:
        self._work = work
        self._on_error = on_error
        self._mailbox: Mailbox[T] = Mailbox()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: T) -> bool:
        """Never waits; True where an item that nobody had taken was lost."""
        return self._mailbox.put(item)

    def stop(self) -> bool:
        """Finish the item in hand and end. True where an item was left in the mailbox."""
        lost = self._mailbox.close()
        self._thread.join()
        return lost

    def _run(self) -> None:
        while (item := self._mailbox.take()) is not None:
            try:
                self._work(item)
            except Exception as error:  # noqa: BLE001 - reported; whatever an engine raises, the next frame is served
                self._on_error(error)
