"""Frames from a bag: the images of one camera, alone or with their ground truth. No DDS is involved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import TracebackType

from enet_ros.bags.cameras import Calibrations, Camera, find_cameras
from enet_ros.bags.create import CLASSES_KEY
from enet_ros.bags.messages import camera_frame, label_image
from enet_ros.bags.reader import BagMessage, BagReader, Topic
from enet_ros.bags.types import IMAGE, IMAGE_TYPES
from enet_ros.camera import CameraIntrinsics
from enet_ros.classes import TABLES, ClassTable
from enet_ros.errors import BagError, ConfigError, EnetRosError
from enet_ros.frames.source import Frame, Load, Source, UInt8
from enet_ros.stamps import NS, cdr_stamp_ns

DEFAULT_HZ = 10.0
"""For a bag of a single image."""

_TRUTH = "ground_truth"
_MOST_WAITING = 128
"""Images that wait for their truth: a camera of 30 Hz of which one frame in four seconds is labelled."""


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


def from_labelled_bag(
    path: Path, image_topic: str | None = None, truth_topic: str | None = None, table: ClassTable | None = None
) -> Source:
    """The images of one camera that have a ground truth, paired by their header stamps.

    table: what the truth's ids mean; where None, the built-in table whose names the bag gives. `total` counts the
    truths. Raises BagError where there is no such topic, ConfigError where the ids' meaning is not known.
    """
    with LabelledBag(path, image_topic, truth_topic) as bag:
        table = table or _table_named(bag.classes, path)
        camera = find_cameras(bag.reader, [bag.image_topic.name])[0]
        rate_hz, calibration = _rate_hz(bag.reader, bag.truth_topic), _calibration(bag.reader, camera)
        total = len(bag)

    def loads() -> Iterator[Load]:
        with LabelledBag(path, image_topic, truth_topic) as bag:
            yield from bag.loads()

    return Source(*_place(path), total, rate_hz, loads, table, calibration)


class LabelledBag:
    """The labelled frames of one camera in an open bag: image and truth are paired by their header stamps."""

    def __init__(self, path: Path | str, image_topic: str | None = None, truth_topic: str | None = None) -> None:
        """Open the bag and choose its topics; where that is impossible, BagError names what there is."""
        self.reader = BagReader(path)
        try:
            self.truth_topic = find_truth(self.reader, truth_topic)
            self.image_topic = find_image(self.reader, self.truth_topic, image_topic)
        except BaseException:
            self.reader.close()
            raise

    def __enter__(self) -> LabelledBag:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reader.close()

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes of the truth, where the bag gives them."""
        return truth_classes(self.reader)

    def __len__(self) -> int:
        """How many truths there are: the most frames that can come."""
        return self.truth_topic.total

    def __iter__(self) -> Iterator[Frame]:
        """Frames that have a truth, in the order in which the pairs are complete.

        Raises BagError, with the message's number, where one cannot be decoded, sizes differ, or the bag is
        damaged.
        """
        return (load() for load in self.loads())

    def loads(self) -> Iterator[Load]:
        """The same, to be decoded in any thread."""
        images: dict[int, BagMessage] = {}
        truths: dict[int, BagMessage] = {}
        for message in self.reader.messages((self.image_topic.name, self.truth_topic.name)):
            stamp_ns = _stamp_ns(message)
            (truths if message.topic == self.truth_topic.name else images)[stamp_ns] = message
            if stamp_ns in images and stamp_ns in truths:
                yield partial(_pair, images.pop(stamp_ns), truths.pop(stamp_ns))
            for waiting in (images, truths):
                if len(waiting) > _MOST_WAITING:
                    del waiting[next(iter(waiting))]


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
    for table in TABLES.values():
        if table.names == names:
            return table
    known = "does not say" if names is None else f"has classes of its own ({', '.join(names[:4])}, ...):"
    raise ConfigError(f"{bag} {known} what its ground truth means; add --classes TABLE")


def truth_classes(reader: BagReader) -> tuple[str, ...] | None:
    """Names of the classes of a bag's ground truth, where the bag gives them (`enet_ros bag create` writes them)."""
    stored = reader.custom_data.get(CLASSES_KEY)
    return None if stored is None else tuple(json.loads(stored))


def has_truth(reader: BagReader) -> bool:
    """Whether a topic of the bag is named as ground truth is."""
    return bool(_truths(reader))


def find_truth(reader: BagReader, name: str | None = None) -> Topic:
    """The topic of the ground truth, by default the only one of its name. BagError lists what there is."""
    if name:
        return _checked(reader.topic(name), (IMAGE,))
    found = _truths(reader)
    if len(found) == 1:
        return found[0]
    listing = ", ".join(t.name for t in reader.topics if t.type == IMAGE) or "none"
    count = f"{len(found)} topics named {_TRUTH}"
    raise BagError(f"{reader.path} has {count}: choose one by --truth-topic ({listing})")


def find_image(reader: BagReader, truth: Topic | None, name: str | None = None) -> Topic:
    """The camera's image topic, by default the one beside its ground truth. BagError lists what there is."""
    if name:
        return _checked(reader.topic(name), IMAGE_TYPES)
    others = [t for t in reader.topics if t.type in IMAGE_TYPES and (truth is None or t.name != truth.name)]
    prefix = "" if truth is None else truth.name.rpartition("/")[0] + "/"
    near = [t for t in others if t.name.startswith(prefix) and "image" in t.name[len(prefix) :]] or others
    raw = [t for t in near if t.type == IMAGE] or near
    if len(raw) == 1:
        return raw[0]
    listing = ", ".join(t.name for t in others) or "none"
    beside = "" if truth is None else f" for {truth.name}"
    raise BagError(f"{reader.path} has no single image topic{beside}: choose one by --image-topic ({listing})")


def _truths(reader: BagReader) -> list[Topic]:
    return [t for t in reader.topics if t.name.rpartition("/")[2] == _TRUTH and t.type == IMAGE]


def _checked(topic: Topic, types: tuple[str, ...]) -> Topic:
    if topic.type not in types:
        raise BagError(f"topic {topic.name} is of type {topic.type}, not {' or '.join(types)}")
    return topic


def _stamp_ns(message: BagMessage) -> int:
    try:
        return cdr_stamp_ns(message.data)
    except BagError as error:
        raise BagError(f"message {message.number} of {message.topic} is not an image: {error}") from error


def _frame(message: BagMessage) -> Frame:
    """Raises BagError with the message's number."""
    try:
        header, rgb = camera_frame(message.type, message.data)
    except EnetRosError as error:
        raise BagError(f"message {message.number} of {message.topic}: {error}") from error
    if not rgb.flags.writeable:  # a view of the message, which some runtimes cannot share
        rgb = rgb.copy()
    return Frame(f"{message.number:06d}", header.stamp_ns, rgb)


def _pair(image: BagMessage, label: BagMessage) -> Frame:
    frame = _frame(image)
    truth = _truth(label)
    if truth.shape != frame.rgb.shape[:2]:
        raise BagError(
            f"ground truth {label.number} has {truth.shape[1]}x{truth.shape[0]} pixels, its image, message"
            f" {image.number} of {image.topic}, {frame.rgb.shape[1]}x{frame.rgb.shape[0]}: both must be one size"
        )
    return frame._replace(truth=truth)


def _truth(message: BagMessage) -> UInt8:
    try:
        return label_image(message.data)[1]
    except EnetRosError as error:
        raise BagError(f"message {message.number} of {message.topic}: {error}") from error
