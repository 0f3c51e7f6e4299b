"""An even sample of a sequence whose length is not known beforehand, in bounded memory."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class EvenSample(Generic[T]):
    """Keeps every n-th entry, n doubling whenever more than `most` are kept: half of `most` or more, evenly spaced."""

    def __init__(self, most: int) -> None:
        self.entries: list[T] = []
        self._most = most
        self._stride = 1
        self._count = 0

    def wants(self) -> bool:
        """Whether the next entry would be kept: spares making those that would not. Counts it as seen if not."""
        wanted = self._count % self._stride == 0
        if not wanted:
            self._count += 1
        return wanted

    def add(self, entry: T) -> None:
        """The entry that `wants` asked for."""
        self._count += 1
        self.entries.append(entry)
        if len(self.entries) > self._most:
            self.entries = self.entries[::2]
            self._stride *= 2
