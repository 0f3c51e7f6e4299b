"""The cameras of a bag: their topics, calibrations and ground truth, and where their answers go."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from enet_ros.bags.messages import CAMERA_INFO, COMPRESSED, IMAGE, IMAGE_TYPES, SEGMENTATION_INFO, from_cdr
from enet_ros.bags.reader import BagMessage, BagReader, Topic
from enet_ros.camera import CameraIntrinsics
from enet_ros.errors import BagError
from enet_ros.messages import intrinsics
from enet_ros.stamps import NS

_TRUTH = "ground_truth"
_OUTPUTS = (_TRUTH, "mask", "confidence", "color", "overlay")
"""Last parts of the names of topics that are no cameras. RealSense has cameras at /camera/color/image_raw."""
CLASSES_KEY = "enet_ros.ground_truth_classes"
"""Key of a bag's custom data: the names of the classes that ground truth ids stand for, as a JSON list."""
_NAME_THEM = "add --classes TABLE"
_LOOK_BACK_NS = NS
"""How far back a CameraInfo is looked for at first: most cameras send one with each image."""
_COLOURLESS = ("8UC1", "16UC1", "32FC1", "mono16")


class Camera(NamedTuple):
    """A camera of a bag.

    topic   topic of its images
    type    their type: sensor_msgs/msg/Image or CompressedImage
    info    topic of its CameraInfo, or None
    output  prefix of the topics with the answers, e.g. /camera/segmentation
    """

    topic: str
    type: str
    info: str | None
    output: str


class Calibrations:
    """The calibration of each camera by the last CameraInfo seen; until one is, the bag's first serves."""

    def __init__(self, reader: BagReader, cameras: Iterable[Camera], at_ns: int | None = None) -> None:
        """What holds at a time, for an indexed bag, or at the start, whose first image may come before a CameraInfo."""
        self._latest: dict[str, CameraIntrinsics | None] = {c.info: None for c in cameras if c.info}
        for topic in self._latest:
            for message in islice(reader.messages((topic,)), 1):
                self.see(message)
            back_ns = _LOOK_BACK_NS
            while at_ns is not None:
                readable = [self.see(m) is None for m in reader.messages((topic,), at_ns - back_ns, at_ns)]
                if any(readable) or at_ns - back_ns <= reader.start_ns:
                    break
                back_ns *= 4

    def see(self, message: BagMessage) -> str | None:
        """Remember a CameraInfo of these cameras; any other message is passed over. Returns why it is unreadable."""
        if message.topic in self._latest:
            try:
                self._latest[message.topic] = intrinsics(from_cdr(CAMERA_INFO, message.data))
            except BagError as error:
                return f"{message.place}: {error}"
        return None

    def of(self, camera: Camera) -> CameraIntrinsics | None:
        """The calibration of a camera; None where no CameraInfo is known."""
        return self._latest.get(camera.info) if camera.info else None


def find_cameras(reader: BagReader, chosen: Sequence[str] | None = None) -> list[Camera]:
    """The cameras of a bag: `chosen` topics, or all that carry colour images, raw rather than compressed.

    Topics of this package and depth cameras are left out, by name and encoding. Raises BagError where a chosen topic is
    missing or does not hold images, and where no camera is found.
    """
    if chosen:
        topics = [_checked(reader.topic(name), IMAGE_TYPES) for name in chosen]
    else:
        images = [t for t in reader.topics if t.type in IMAGE_TYPES and t.total and _is_camera(reader, t)]
        topics = _raw_rather(images)
    if not topics:
        listing = ", ".join(f"{t.name} [{t.type}]" for t in reader.topics) or "none"
        raise BagError(f"{reader.path} has no camera topic; name one of its topics: {listing}")
    namespaces = Counter(_base(t.name).rpartition("/")[0] for t in topics)
    infos = {t.name for t in reader.topics if t.type == CAMERA_INFO}
    cameras = []
    for topic in topics:
        base = _base(topic.name)
        namespace = base.rpartition("/")[0]
        info = f"{namespace}/camera_info"
        output = f"{namespace if namespaces[namespace] == 1 else base}/segmentation"
        cameras.append(Camera(topic.name, topic.type, info if info in infos else None, output))
    return cameras


def _base(topic: str) -> str:
    """The image topic that a transport's topic belongs to."""
    return topic.removesuffix("/compressed")


def _is_camera(reader: BagReader, topic: Topic) -> bool:
    parts = _base(topic.name).split("/")
    if parts[-1] in _OUTPUTS or any(p in ("segmentation", "masks") or p.startswith("depth") for p in parts):
        return False
    first = next(reader.messages((topic.name,)), None)
    if first is None:
        return False
    message = from_cdr(first.type, first.data)
    if topic.type == COMPRESSED:
        return "compresseddepth" not in str(message.format).lower()
    return str(message.encoding) not in _COLOURLESS


def truth_classes(reader: BagReader, truth: Topic) -> tuple[str, ...] | None:
    """Names of the classes of a truth's ids, where the bag gives them.

    For a mask they are those of the SegmentationInfo beside it, for a topic named ground_truth those of the custom
    data, as `enet_ros bag create` writes them. Raises BagError where they change within the bag, or are no names.
    """
    namespace, _, name = _base(truth.name).rpartition("/")
    told = next((t for t in reader.topics if t[:2] == (f"{namespace}/info", SEGMENTATION_INFO)), None)
    if told is not None:
        names: tuple[str, ...] = ()
        for message in reader.messages((told.name,)):
            try:
                info = from_cdr(SEGMENTATION_INFO, message.data, told.connection)
                before, names = names, _names(getattr(info, "class_names", None))
            except BagError as error:
                raise BagError(f"{reader.path}: {message.place} names no classes ({error}): {_NAME_THEM}") from error
            if before not in ((), names):
                raise BagError(
                    f"{reader.path}: the ids of {truth.name} mean other classes after"
                    f" {(message.log_ns - reader.start_ns) / NS:.1f} s, for the node exchanged its model: cut the bag"
                    " there, or choose another --truth-topic"
                )
        if names:
            return names
    stored = reader.custom_data.get(CLASSES_KEY) if name == _TRUTH else None
    if stored is None:
        return None
    try:
        return _names(json.loads(stored))
    except (BagError, ValueError) as error:
        raise BagError(f"{reader.path}: {CLASSES_KEY} names no classes ({error}): {_NAME_THEM}") from error


def _names(value: object) -> tuple[str, ...]:
    """A list of names, however a bag defines it. Raises BagError for anything else."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise BagError(f"{value!r:.40} is not a list of names")
    return tuple(value)


def has_truth(reader: BagReader) -> bool:
    """Whether the bag has a topic with the name of ground truth."""
    return bool(_truths(reader))


def find_truth(reader: BagReader, name: str | None = None) -> Topic:
    """The topic of the ground truth: `name`, or the only topic PREFIX/ground_truth, raw or /compressed (png).

    Raises BagError, which lists the candidates.
    """
    if name:
        return _checked(reader.topic(name), IMAGE_TYPES)
    found = _truths(reader)
    if len(found) == 1:
        return found[0]
    listing = ", ".join(t.name for t in reader.topics if t.type in IMAGE_TYPES) or "none"
    count = f"{len(found)} topics named {_TRUTH}"
    raise BagError(f"{reader.path} has {count}: choose one by --truth-topic ({listing})")


def find_image(reader: BagReader, truth: Topic | None, name: str | None = None) -> Topic:
    """The camera's image topic: `name`, or the only one beside the ground truth. BagError lists the candidates."""
    if name:
        return _checked(reader.topic(name), IMAGE_TYPES)
    others = [t for t in reader.topics if t.type in IMAGE_TYPES and (truth is None or t.name != truth.name)]
    namespace = "" if truth is None else _base(truth.name).rpartition("/")[0].removesuffix("/segmentation")
    prefix = "" if truth is None else f"{namespace}/"
    near = [t for t in others if t.name.startswith(prefix) and "image" in t.name[len(prefix) :]] or others
    raw = [t for t in near if t.type == IMAGE] or near
    if len(raw) == 1:
        return raw[0]
    listing = ", ".join(t.name for t in others) or "none"
    beside = "" if truth is None else f" for {truth.name}"
    raise BagError(f"{reader.path} has no single image topic{beside}: choose one by --image-topic ({listing})")


def _truths(reader: BagReader) -> list[Topic]:
    return _raw_rather([t for t in reader.topics if _base(t.name).rpartition("/")[2] == _TRUTH])


def _raw_rather(topics: list[Topic]) -> list[Topic]:
    """Those that carry images, without the compressed ones whose raw images are there too."""
    raw = {t.name for t in topics if t.type == IMAGE}
    return [t for t in topics if t.type == IMAGE or (t.type == COMPRESSED and _base(t.name) not in raw)]


def _checked(topic: Topic, types: tuple[str, ...]) -> Topic:
    if topic.type not in types:
        raise BagError(f"topic {topic.name} is of type {topic.type}, not {' or '.join(types)}")
    return topic
