"""Frames from a bag: the images of one camera, alone or with their ground truth. No DDS is involved."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from enet_ros.arrays import I64
from enet_ros.bags.cameras import Calibrations, Camera, find_cameras, find_image, find_truth, truth_classes
from enet_ros.bags.messages import camera_frame, label_image
from enet_ros.bags.reader import BagMessage, BagReader, Topic
from enet_ros.camera import CameraIntrinsics
from enet_ros.classes import ClassTable, table_with
from enet_ros.errors import BagError, ConfigError, EnetRosError
from enet_ros.frames.source import Frame, Load, Source
from enet_ros.stamps import NS, cdr_stamp_ns

DEFAULT_HZ = 10.0
"""For a bag of a single image."""

_MOST_WAITING = 128
"""Images that wait for their truth: a camera of 30 Hz of which one frame in four seconds is labelled."""
_MOST_WAITING_BYTES = 256 << 20
"""And the room they may take together: 40 raw images of 1920x1080."""


def from_bag(path: Path, image_topic: str | None = None) -> Source:
    """The images of a topic, by default of the bag's first camera. Raises BagError where there is none."""
    with BagReader(path) as reader:
        camera = find_cameras(reader, [image_topic] if image_topic else None)[0]
        topic = reader.topic(camera.topic)
        if topic.total == 0:
            raise BagError(f"topic {topic.name} of {path} has no image: choose another")
        rate_hz, calibration = _rate_hz(reader, topic), _calibration(reader, camera)

    def loads() -> Iterator[Load]:
        with BagReader(path) as bag:
            for message in bag.messages([topic.name]):
                yield partial(_frame, message)

    return Source(*_place(path), topic.total, rate_hz, loads, calibration=calibration)


class Pairs(NamedTuple):
    """The images and truths of a bag that belong together, in the order in which the pairs are complete.

    image, truth  of each pair the numbers of its messages, (N,) int64
    image_log_ns, truth_log_ns  times of recording of all messages of the two topics by number, (M,) int64
    """

    image: I64
    truth: I64
    image_log_ns: I64
    truth_log_ns: I64

    def part(self, begin: int, end: int) -> Pairs:
        """Some of the pairs."""
        return self._replace(image=self.image[begin:end], truth=self.truth[begin:end])


def from_labelled_bag(
    path: Path,
    image_topic: str | None = None,
    truth_topic: str | None = None,
    table: ClassTable | None = None,
    only: Pairs | None = None,
) -> Source:
    """The images of one camera that have a ground truth, in the order in which the pairs are complete.

    Pairs have the same header stamp. table: what the truth's ids mean; by default the built-in table whose names the
    bag gives. only: these pairs of an indexed bag (`find_pairs`); what lies before them is not read. `total` counts the
    truths. Raises BagError where there is no such topic, ConfigError where the meaning of the ids is not known. Loading
    raises BagError, with the message's number, where one cannot be decoded, sizes differ, or the bag is damaged.
    """
    with BagReader(path) as reader:
        truth = find_truth(reader, truth_topic)
        image = find_image(reader, truth, image_topic)
        table = table or _table_named(truth_classes(reader, truth), path)
        camera = find_cameras(reader, [image.name])[0]
        rate_hz, calibration = _rate_hz(reader, truth), _calibration(reader, camera)

    def loads() -> Iterator[Load]:
        with BagReader(path) as bag:
            messages = bag.messages((image.name, truth.name)) if only is None else _only(bag, image, truth, only)
            for pair in _paired(messages, truth.name):
                yield partial(_pair, *pair)

    total = truth.total if only is None else len(only.image)
    return Source(*_place(path), total, rate_hz, loads, table, calibration)


def find_pairs(path: Path, image_topic: str | None = None, truth_topic: str | None = None) -> Pairs | None:
    """The pairs that `from_labelled_bag` yields, for which the whole bag is read; None of a bag without an index.

    Raises BagError as loading does, but for what is wrong within an image.
    """
    with BagReader(path) as reader:
        truth = find_truth(reader, truth_topic)
        image = find_image(reader, truth, image_topic)
        if not reader.indexed:
            return None
        logs: dict[str, array[int]] = {image.name: array("q"), truth.name: array("q")}

        def seen() -> Iterator[BagMessage]:
            for message in reader.messages((image.name, truth.name)):
                logs[message.topic].append(message.log_ns)
                yield message

        numbers = [(of.number, label.number) for of, label in _paired(seen(), truth.name)]
    columns = np.array(numbers, np.int64).reshape(-1, 2).T
    return Pairs(*columns, *(np.array(logs[topic.name], np.int64) for topic in (image, truth)))


def _only(reader: BagReader, image: Topic, truth: Topic, pairs: Pairs) -> Iterator[BagMessage]:
    """The messages of these pairs alone, with their numbers in the bag."""
    wanted = {image.name: (pairs.image, pairs.image_log_ns), truth.name: (pairs.truth, pairs.truth_log_ns)}
    ends = [logs[numbers] for numbers, logs in wanted.values()]
    start_ns, stop_ns = min(int(each.min()) for each in ends), max(int(each.max()) for each in ends) + 1
    read = {name: np.flatnonzero((logs >= start_ns) & (logs < stop_ns)) for name, (_, logs) in wanted.items()}
    chosen = {name: set(numbers.tolist()) for name, (numbers, _) in wanted.items()}
    for message in reader.messages(tuple(wanted), start_ns, stop_ns):
        number = int(read[message.topic][message.number])
        if number in chosen[message.topic]:
            yield message._replace(number=number)


def _paired(messages: Iterable[BagMessage], truth_topic: str) -> Iterator[tuple[BagMessage, BagMessage]]:
    """Each image with the truth of its stamp, when both have come; those that wait too long are dropped."""
    images: dict[int, BagMessage] = {}
    truths: dict[int, BagMessage] = {}
    for message in messages:
        with _placed(message):
            stamp_ns = cdr_stamp_ns(message.data)
        (truths if message.topic == truth_topic else images)[stamp_ns] = message
        if stamp_ns in images and stamp_ns in truths:
            yield images.pop(stamp_ns), truths.pop(stamp_ns)
        for waiting in (images, truths):
            while len(waiting) > _MOST_WAITING or _bytes(waiting) > _MOST_WAITING_BYTES:
                del waiting[next(iter(waiting))]


def _bytes(waiting: dict[int, BagMessage]) -> int:
    return sum(len(message.data) for message in waiting.values())


def _place(path: Path) -> tuple[str, str]:
    place = path.resolve()
    return place.name, str(place)


def _rate_hz(reader: BagReader, topic: Topic) -> float:
    seconds = (reader.end_ns - reader.start_ns) / NS
    return (topic.total - 1) / seconds if seconds > 0 and topic.total > 1 else DEFAULT_HZ


def _calibration(reader: BagReader, camera: Camera) -> CameraIntrinsics | None:
    """That of the camera's first CameraInfo; None for an uncalibrated camera, whose K is zero."""
    lens = Calibrations(reader, [camera]).of(camera)
    return lens if lens is not None and lens.k[0, 0] else None


def _table_named(names: tuple[str, ...] | None, bag: Path) -> ClassTable:
    """The built-in table with these names."""
    if names is not None and (table := table_with(names)):
        return table
    known = "does not say" if names is None else f"has classes of its own ({', '.join(names[:4])}, ...):"
    raise ConfigError(f"{bag} {known} what its ground truth means; add --classes TABLE")


@contextmanager
def _placed(message: BagMessage) -> Iterator[None]:
    """Put the message's number and topic into errors."""
    try:
        yield
    except EnetRosError as error:
        raise BagError(f"{message.place}: {error}") from error


def _frame(message: BagMessage) -> Frame:
    with _placed(message):
        header, rgb = camera_frame(message.type, message.data)
    if not rgb.flags.writeable:  # a view of the message, which some runtimes cannot share
        rgb = rgb.copy()
    return Frame(f"{message.number:06d}", header.stamp_ns, rgb)


def _pair(image: BagMessage, label: BagMessage) -> Frame:
    frame = _frame(image)
    with _placed(label):
        _, truth = label_image(label.type, label.data)
    if truth.shape != frame.rgb.shape[:2]:
        raise BagError(
            f"ground truth {label.number} has {truth.shape[1]}x{truth.shape[0]} pixels, its image, {image.place},"
            f" has {frame.rgb.shape[1]}x{frame.rgb.shape[0]}: both must have one size"
        )
    return frame._replace(truth=truth)
