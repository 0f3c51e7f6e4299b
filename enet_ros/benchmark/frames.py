"""The images that are rotated through: from a folder, or of the synthetic street."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from enet_ros.benchmark.runner import UInt8
from enet_ros.classes import ClassTable
from enet_ros.datasets.files import find_images, read_image
from enet_ros.datasets.opening import open_pairs
from enet_ros.products.images import nearest
from enet_ros.segmenter import stretched
from enet_ros.street import Street

_T = TypeVar("_T")

_STREET_STEP = 15  # half a second apart


class Frames(NamedTuple):
    """Images of any sizes, and their ground truth where it is known.

    origin  for the report
    images  (H, W, 3) uint8 RGB
    truth   (H, W) uint8 class ids, void 255; empty where there is none
    table   the truth's classes
    """

    origin: str
    images: tuple[UInt8, ...]
    truth: tuple[UInt8, ...] = ()
    table: ClassTable | None = None

    def images_at(self, size: tuple[int, int]) -> UInt8:
        """(N, H, W, 3) uint8 RGB, stretched to (height, width)."""
        return np.stack([stretched(image, size) for image in self.images])

    def truth_at(self, size: tuple[int, int]) -> list[UInt8]:
        """(H, W) uint8 each."""
        return [nearest(truth, size) for truth in self.truth]


def from_street(count: int, seed: int = 0) -> Frames:
    """Frames of the synthetic street, half a second apart."""
    street = Street(seed)
    return Frames(
        f"{count} frames of the synthetic street {seed}",
        tuple(street.frame(_STREET_STEP * index).image for index in range(count)),
    )


def from_folder(images: Path, count: int, labels: Path | None = None, classes: str | None = None) -> Frames:
    """At most `count` images of a folder, evenly chosen; with `labels` and `classes` also their truth.

    Raises DatasetError where there is no image or a label is missing, ConfigError on unknown classes.
    """
    if labels is None or classes is None:
        chosen = _evenly(find_images(images), count)
        return Frames(f"{len(chosen)} images of {images.resolve().name}", tuple(read_image(path) for path in chosen))
    dataset = open_pairs(images, labels, classes)
    pairs = [dataset.read(index) for index in _evenly(list(range(len(dataset))), count)]
    return Frames(
        f"{len(pairs)} images of {images.resolve().name}",
        tuple(image for image, _ in pairs),
        tuple(truth for _, truth in pairs),
        dataset.table,
    )


def _evenly(items: list[_T], count: int) -> list[_T]:
    return [items[index * len(items) // count] for index in range(count)] if len(items) > count else items
