"""Frames with their ground truth out of a bag: no DDS, the same frames in the same order every time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from enet_ros.bags.create import CLASSES_KEY
from enet_ros.bags.messages import camera_frame, label_image
from enet_ros.bags.reader import BagMessage, BagReader, Topic
from enet_ros.bags.types import IMAGE, IMAGE_TYPES
from enet_ros.errors import BagError, EnetRosError
from enet_ros.stamps import cdr_stamp_ns

_TRUTH = "ground_truth"
_MOST_WAITING = 128
"""Images that wait for their truth: a camera of 30 Hz of which one frame in four seconds is labelled."""

_UINT8 = npt.NDArray[np.uint8]


class LabelledFrame(NamedTuple):
    """name: topic and number of the image; image: (H, W, 3) uint8 RGB; truth: (H, W) uint8, void 255."""

    name: str
    image: _UINT8
    truth: _UINT8
    stamp_ns: int


class LabelledBag:
    """The labelled frames of one camera in a bag: image and truth are paired by their header stamps."""

    def __init__(self, path: Path | str, image_topic: str | None = None, truth_topic: str | None = None) -> None:
        """Open the bag and choose its topics; where that is impossible, BagError names what there is."""
        self.reader = BagReader(path)
        try:
            self.truth_topic = self.reader.topic(truth_topic) if truth_topic else _find_truth(self.reader)
            self.image_topic = (
                self.reader.topic(image_topic) if image_topic else _find_image(self.reader, self.truth_topic)
            )
            for topic, types in ((self.truth_topic, (IMAGE,)), (self.image_topic, IMAGE_TYPES)):
                if topic.type not in types:
                    raise BagError(f"topic {topic.name} is of type {topic.type}, not {' or '.join(types)}")
        except BaseException:
            self.reader.close()
            raise

    def __enter__(self) -> LabelledBag:
        """Return the bag, open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the bag."""
        self.reader.close()

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes of the truth, where the bag says them (`enet_ros bag create` writes them)."""
        stored = self.reader.custom_data.get(CLASSES_KEY)
        return None if stored is None else tuple(json.loads(stored))

    def __len__(self) -> int:
        """How many truths there are: the most frames that can come."""
        return self.truth_topic.total

    def __iter__(self) -> Iterator[LabelledFrame]:
        """Frames that have a truth, in the order in which the pairs are complete.

        Raises BagError, with the message's number, where one cannot be decoded, sizes differ, or the bag is
        damaged.
        """
        images: dict[int, BagMessage] = {}
        truths: dict[int, tuple[int, _UINT8]] = {}
        for message in self.reader.messages((self.image_topic.name, self.truth_topic.name)):
            if message.topic == self.truth_topic.name:
                stamp_ns, truth = _truth(message)
                truths[stamp_ns] = (message.number, truth)
            else:
                stamp_ns = _stamp(message)
                images[stamp_ns] = message
            if stamp_ns in images and stamp_ns in truths:
                yield _pair(images.pop(stamp_ns), *truths.pop(stamp_ns), stamp_ns)
            for waiting in (images, truths):
                if len(waiting) > _MOST_WAITING:
                    del waiting[next(iter(waiting))]


def _find_truth(reader: BagReader) -> Topic:
    found = [t for t in reader.topics if t.name.rpartition("/")[2] == _TRUTH and t.type == IMAGE]
    if len(found) == 1:
        return found[0]
    listing = ", ".join(t.name for t in reader.topics if t.type == IMAGE) or "none"
    count = f"{len(found)} topics named {_TRUTH}"
    raise BagError(f"{reader.path} has {count}: choose one by --truth-topic ({listing})")


def _find_image(reader: BagReader, truth: Topic) -> Topic:
    prefix = truth.name.rpartition("/")[0] + "/"
    others = [t for t in reader.topics if t.type in IMAGE_TYPES and t.name != truth.name]
    near = [t for t in others if t.name.startswith(prefix) and "image" in t.name[len(prefix) :]] or others
    raw = [t for t in near if t.type == IMAGE] or near
    if len(raw) == 1:
        return raw[0]
    listing = ", ".join(t.name for t in others) or "none"
    raise BagError(f"{reader.path} has no single image topic for {truth.name}: choose one by --image-topic ({listing})")


def _stamp(message: BagMessage) -> int:
    try:
        return cdr_stamp_ns(message.data)
    except BagError as error:
        raise BagError(f"message {message.number} of {message.topic} is not an image: {error}") from error


def _truth(message: BagMessage) -> tuple[int, _UINT8]:
    try:
        header, truth = label_image(message.data)
    except EnetRosError as error:
        raise BagError(f"message {message.number} of {message.topic}: {error}") from error
    return header.stamp_ns, truth


def _pair(message: BagMessage, truth_number: int, truth: _UINT8, stamp_ns: int) -> LabelledFrame:
    try:
        image = camera_frame(message.type, message.data).rgb
    except EnetRosError as error:
        raise BagError(f"message {message.number} of {message.topic}: {error}") from error
    if truth.shape != image.shape[:2]:
        raise BagError(
            f"ground truth {truth_number} has {truth.shape[1]}x{truth.shape[0]} pixels, its image, message"
            f" {message.number} of {message.topic}, {image.shape[1]}x{image.shape[0]}: both must be one size"
        )
    if not image.flags.writeable:  # a view of the message, which some runtimes cannot share
        image = image.copy()
    return LabelledFrame(f"{message.topic}#{message.number}", image, truth, stamp_ns)
