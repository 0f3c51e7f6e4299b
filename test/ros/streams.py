"""A camera that goes on sending while a test changes the node."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ros_rig import Rig, picture, wait_for


@contextmanager
def stream(r: Rig, hz: float = 100.0, label: int = 0) -> Iterator[list[int]]:
    """Pictures of a label, many a second; what is yielded grows by one for each image sent."""
    sent: list[int] = []
    stopped = threading.Event()

    def run() -> None:
        while not stopped.wait(1 / hz):
            r.send(picture(label))
            sent.append(len(sent))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sent
    finally:
        stopped.set()
        thread.join()


def settle(r: Rig, sent: list[int]) -> Any:
    """The counters, once every image sent is in one of them."""
    c = r.counters()
    wait_for(lambda: len(sent) == c.answered + c.replaced + c.skipped + c.failed + c.lost)
    return c
