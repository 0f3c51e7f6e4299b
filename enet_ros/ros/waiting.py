"""Coroutines in rclpy's executors that wait for what another thread does."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any

STEP_S = 0.002
"""Time for which the executor is held at once: it resumes a waiting coroutine again and again, on a whole core."""


class Waiting:
    """`await Waiting(future)` returns once the future is done, whatever has become of it."""

    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def __await__(self) -> Generator[None, None, None]:
        while True:
            try:
                self._future.exception(STEP_S)
            except NotYet:
                yield
            else:
                return
