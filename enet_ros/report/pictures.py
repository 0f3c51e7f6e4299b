"""Camera images with what was seen in them, small enough to travel inside the page."""

from __future__ import annotations

import base64
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.classes import VOID, ClassTable
from enet_ros.products.images import nearest, overlay
from enet_ros.report.markup import Markup, element

UInt8 = npt.NDArray[np.uint8]

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
    image: UInt8
    labels: UInt8
    truth: UInt8 | None = None

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


def comparison(still: Still, table: ClassTable) -> Markup:
    """Camera, prediction and, where there is a truth, truth and errors, side by side."""
    small = still.reduced()
    lut = table.lut()
    views = [("camera", small.image), ("prediction", overlay(small.image, small.labels, lut, 0.6))]
    if small.truth is not None:
        views.insert(1, ("truth", overlay(small.image, small.truth, lut, 0.6)))
        views.append(("errors", _errors(small.image, small.truth, small.labels)))
    shown = [
        element("figure", image_tag(picture, f"{what} of {still.name}"), element("figcaption", what))
        for what, picture in views
    ]
    title = element("p", element("b", still.name), " ", element("span", still.caption))
    return element("div", title, element("div", *shown, class_="row"), class_="frame")


def filmstrip(stills: tuple[Still, ...], table: ClassTable) -> Markup:
    """Overlays in the order of time."""
    cells = []
    for still in stills:
        small = still.reduced(360)
        picture = overlay(small.image, small.labels, table.lut(), 0.55)
        caption = element("figcaption", still.caption or still.name)
        cells.append(element("figure", image_tag(picture, still.name), caption))
    return element("div", *cells, class_="strip")


def legend(table: ClassTable) -> Markup:
    """The classes and their colours, in the table's order."""
    names = [(name, i) for i, name in enumerate(table.names) if i != table.void]
    return element("div", *(element("span", swatch(table, i), name) for name, i in names), class_="legend")


def swatch(table: ClassTable, index: int) -> Markup:
    """A small square in a class's colour."""
    return element("span", class_="swatch", style="background: rgb({}, {}, {})".format(*table.colors[index]))


def image_tag(picture: UInt8, alt: str) -> Markup:
    """An (H, W, 3) uint8 RGB array as an <img> that carries its JPEG."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, payload = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    source = "data:image/jpeg;base64," + base64.b64encode(payload.tobytes()).decode("ascii")
    height, width = picture.shape[:2]
    return element("img", src=source, alt=alt, width=str(width), height=str(height))


def _errors(image: UInt8, truth: UInt8, labels: UInt8) -> UInt8:
    """Grey camera image, wrong pixels red, unlabelled ones dark."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    picture = np.asarray(255 - (255 - grey.astype(np.int16)) // 2, np.uint8)
    picture[(truth != labels) & (truth != VOID)] = _WRONG_RGB
    picture[truth == VOID] = _UNLABELLED_RGB
    return picture
