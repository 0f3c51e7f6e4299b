"""Which frame to show: the messages of one look, by the stamp of the image that they answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping

MASK, PICTURE = "mask", "picture"
SETTLE_S = 0.03
"""From a frame's Latency, which the node publishes last, to the arrival of the last of its outputs."""
PATIENCE_S = 0.5
"""Longest wait, from the first answered frame on, for what other frames had."""
LONGEST_S = 10.0
"""The same, where the camera's picture of a frame is here and the node's answer to it is not."""
MAX_BYTES = 128_000_000
"""Of all messages: pictures wait for a slow node's answer."""


class Gathering:
    """The serialized messages that have come since the look began. Times are of any one clock, in seconds."""

    def __init__(self, expected: Collection[str]) -> None:
        """expected: the parts that an earlier frame had; all, where it is not known."""
        self._expected = set(expected)
        self._parts: dict[int, dict[str, bytes]] = {}
        self._finished_s: dict[int, float] = {}
        self._bytes = 0

    def add(self, stamp_ns: int, part: str, cdr: bytes) -> None:
        """A message. The oldest frames are given up where there are too many."""
        self._parts.setdefault(stamp_ns, {})[part] = cdr
        self._bytes += len(cdr)
        while self._bytes > MAX_BYTES and len(self._parts) > 1:
            dropped = self._parts.pop(next(iter(self._parts)))
            self._bytes -= sum(map(len, dropped.values()))

    def finish(self, stamp_ns: int, now_s: float) -> None:
        """The node has published the last output of that frame."""
        self._finished_s[stamp_ns] = now_s

    def chosen(self, now_s: float) -> int | None:
        """The stamp of a whole frame, or of the fullest when patience is at its end; None while there is neither."""
        settled = [
            stamp
            for stamp, finished_s in self._finished_s.items()
            if MASK in self._parts.get(stamp, ()) and now_s - finished_s >= SETTLE_S
        ]
        whole = [stamp for stamp in settled if self._expected <= self._parts[stamp].keys()]
        if whole:
            return whole[-1]
        waited_s = now_s - self._finished_s[settled[0]] if settled else 0.0
        if waited_s < PATIENCE_S:
            return None
        fullest = max(reversed(settled), key=lambda stamp: len(self._parts[stamp]))
        if PICTURE not in self._parts[fullest] and waited_s < LONGEST_S:
            awaited = [parts for parts in self._parts.values() if PICTURE in parts and MASK not in parts]
            return None if awaited else fullest
        return fullest

    def parts(self, stamp_ns: int) -> Mapping[str, bytes]:
        """The messages of a frame, by part."""
        return self._parts[stamp_ns]

    def seen(self) -> set[str]:
        """The parts of which at least one message has come for a frame that was answered."""
        answered = [parts for parts in self._parts.values() if MASK in parts]
        return set().union(*answered) if answered else set()
