"""Camera images with what was seen in them, small enough for the page to hold."""

from __future__ import annotations

import base64
from typing import Generic, NamedTuple, TypeVar

import cv2
import numpy as np

from enet_ros.arrays import U8
from enet_ros.classes import VOID, ClassTable
from enet_ros.products.images import nearest, overlay

T = TypeVar("T")

MAX_WIDTH = 480
_QUALITY = 82
_WRONG_RGB = (214, 60, 40)
_UNLABELLED_RGB = (90, 90, 90)


class Still(NamedTuple):
    """A frame to show.

    image   (H, W, 3) uint8 RGB
    labels  (H, W) uint8 predicted, void 255
    truth   the same of the truth, or None where there is none
    """

    name: str
    caption: str
    image: U8
    labels: U8
    truth: U8 | None = None

    def reduced(self, width: int = MAX_WIDTH) -> Still:
        """At most `width` pixels wide; labels by nearest neighbour. Always in memory of its own."""
        height = max(1, round(self.image.shape[0] * width / self.image.shape[1]))
        if self.image.shape[1] <= width:
            truth = None if self.truth is None else self.truth.copy()
            return self._replace(image=self.image.copy(), labels=self.labels.copy(), truth=truth)
        return self._replace(
            image=np.asarray(cv2.resize(self.image, (width, height), interpolation=cv2.INTER_AREA), np.uint8),
            labels=nearest(self.labels, (height, width)),
            truth=None if self.truth is None else nearest(self.truth, (height, width)),
        )


def comparison(still: Still, table: ClassTable) -> tuple[tuple[str, U8], ...]:
    """Camera, prediction and, where there is a truth, truth and errors: a name and an (H, W, 3) uint8 RGB each."""
    small = still.reduced()
    lut = table.lut()
    views = [("camera", small.image), ("prediction", overlay(small.image, small.labels, lut, 0.6))]
    if small.truth is not None:
        views.insert(1, ("truth", overlay(small.image, small.truth, lut, 0.6)))
        views.append(("errors", _errors(small.image, small.truth, small.labels)))
    return tuple(views)


def small_overlay(still: Still, table: ClassTable) -> U8:
    """The classes over the image, for a filmstrip: (H, W, 3) uint8 RGB, at most 360 pixels wide."""
    small = still.reduced(360)
    return overlay(small.image, small.labels, table.lut(), 0.55)


def legend(table: ClassTable) -> tuple[tuple[str, str], ...]:
    """Name and CSS colour of every class but void, in the table's order."""
    pairs = enumerate(zip(table.names, table.colors, strict=True))
    return tuple((name, "rgb({}, {}, {})".format(*color)) for index, (name, color) in pairs if index != table.void)


def jpeg_uri(picture: U8) -> str:
    """An (H, W, 3) uint8 RGB array as a data: URI that holds its JPEG."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, payload = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(payload.tobytes()).decode("ascii")


def faded(image: U8) -> U8:
    """A pale grey copy of an (H, W, 3) uint8 RGB image, to mark pixels on."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(255 - (255 - grey.astype(np.int16)) // 2, np.uint8)


def _errors(image: U8, truth: U8, labels: U8) -> U8:
    """Grey camera image, wrong pixels red, unlabelled ones dark."""
    picture = faded(image)
    picture[(truth != labels) & (truth != VOID)] = _WRONG_RGB
    picture[truth == VOID] = _UNLABELLED_RGB
    return picture


class EvenSample(Generic[T]):
    """An even sample of a sequence of unknown length, in bounded memory.

    Keeps every n-th entry; n doubles whenever more than `most` are kept, so that half of `most` or more remain.
    """

    def __init__(self, most: int) -> None:
        self.entries: list[T] = []
        self._most = most
        self._stride = 1
        self._count = 0

    def wants(self) -> bool:
        """Whether to make the next entry and `add` it; one that is not wanted counts as seen."""
        wanted = self._count % self._stride == 0
        if not wanted:
            self._count += 1
        return wanted

    def add(self, entry: T) -> None:
        """Add the next entry, which `wants` has asked for."""
        self._count += 1
        self.entries.append(entry)
        if len(self.entries) > self._most:
            self.entries = self.entries[::2]
            self._stride *= 2
