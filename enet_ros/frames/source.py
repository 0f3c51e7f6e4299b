"""A camera image with its ground truth, and a place that such frames come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from enet_ros.arrays import U8
from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.classes import ClassTable


class Frame(NamedTuple):
    """One image.

    name      unique within its source and usable as a file name
    stamp_ns  when it was taken, nanoseconds, above 0
    rgb       (H, W, 3) uint8
    truth     (H, W) uint8 ids of the source's class table, void 255; None where there is none
    file      the image file that holds exactly `rgb`, if any
    drive     the recording that it comes from, "" where that is not known
    """

    name: str
    stamp_ns: int
    rgb: U8
    truth: U8 | None = None
    file: Path | None = None
    drive: str = ""


Load = Callable[[], Frame]
"""Decodes one frame; may be called in any thread."""


@dataclass(frozen=True)
class Source:
    """Frames of one camera in order of time. Iterating it loads them one by one, from the start each time.

    name         short, for titles: "val", "drive.mp4", "synthetic street 0"
    place        the same in full, for messages and pages
    total        how many frames there are at most; 0 if unknown
    rate_hz      frames per second; the median where the rate varies
    loads        begins anew at each call and yields a `Load` for each frame, for those who decode ahead
    table        what the ids of `Frame.truth` mean; None if no frame has a truth
    calibration  the camera's lens, if known
    pose         the camera's pose above the ground, if known
    live         frames come as they are taken, without an end: stamps are wall-clock times, and each is the newest
    """

    name: str
    place: str
    total: int
    rate_hz: float
    loads: Callable[[], Iterator[Load]]
    table: ClassTable | None = None
    calibration: CameraIntrinsics | None = None
    pose: CameraPose | None = None
    live: bool = False

    def __iter__(self) -> Iterator[Frame]:
        return (load() for load in self.loads())

    def first(self, count: int | None) -> Source:
        """The first `count` frames; all of them for 0 or None."""
        if not count:
            return self
        total = min(count, self.total) if self.total else count
        return replace(self, total=total, loads=lambda: islice(self.loads(), count))

    def evenly(self, count: int) -> Source:
        """At most `count` frames, evenly chosen; needs a known `total`."""
        if self.total <= count:
            return self
        chosen = {index * self.total // count for index in range(count)}
        loads = lambda: (load for index, load in enumerate(self.loads()) if index in chosen)  # noqa: E731
        return replace(self, total=count, rate_hz=self.rate_hz * count / self.total, loads=loads)

    def altered(self, alter: Callable[[Frame, int], Frame]) -> Source:
        """The same frames with other pixels: `alter(frame, index)` returns one with an image of the same size."""

        def load(index: int, original: Load) -> Frame:
            return alter(original(), index)._replace(file=None)

        return replace(self, loads=lambda: (partial(load, *item) for item in enumerate(self.loads())))
