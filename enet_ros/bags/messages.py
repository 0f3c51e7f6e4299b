"""Message types, and messages to CDR and back, with the classes that `rosbags` generates, without ROS.

The types are ROS 2's own and this package's, from their .msg files.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from rosbags.interfaces import Connection, MessageDefinition, MessageDefinitionFormat
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from enet_ros import files, messages
from enet_ros.arrays import U8
from enet_ros.camera import CameraIntrinsics
from enet_ros.errors import BagError
from enet_ros.messages import Header, header_of
from enet_ros.stamps import sec_nanosec

IMAGE: Final = "sensor_msgs/msg/Image"
COMPRESSED: Final = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO: Final = "sensor_msgs/msg/CameraInfo"
FREE_SPACE: Final = "enet_ros/msg/FreeSpace"
SEGMENTATION_INFO: Final = "enet_ros/msg/SegmentationInfo"
IMAGE_TYPES: Final = (IMAGE, COMPRESSED)

MAX_MESSAGE_BYTES = 1 << 28
"""Largest message that is decoded: 256 MiB, more than any camera's frame."""

_TYPES: dict[type, str] = {
    messages.Image: IMAGE,
    messages.CompressedImage: COMPRESSED,
    messages.CameraInfo: CAMERA_INFO,
    messages.RegionOfInterest: "sensor_msgs/msg/RegionOfInterest",
    messages.FreeSpace: FREE_SPACE,
    messages.SegmentationInfo: SEGMENTATION_INFO,
}


def message_folder() -> Path:
    """The folder of this package's .msg files. Raises BagError where they are not installed."""
    found = files.installed("msg", "FreeSpace.msg")
    if found is None:
        raise BagError("enet_ros/msg/FreeSpace.msg is not installed beside the package: reinstall enet_ros")
    return found.parent


@lru_cache(maxsize=1)
def typestore() -> Typestore:
    """ROS 2's standard messages, as Humble has them (later releases changed none of a camera's), and those of enet_ros.

    Raises BagError where the latter are not installed.
    """
    store = get_typestore(Stores.ROS2_HUMBLE)
    types: dict[str, Any] = {}
    for path in sorted(message_folder().glob("*.msg")):
        types.update(get_types_from_msg(path.read_text("utf-8"), f"enet_ros/msg/{path.stem}"))
    store.register(types)
    return store


def definition_of(msgtype: str, stored: Any = None, digest: str = "") -> tuple[str, str]:
    """(definition text, RIHS01 hash) of a type, from the bag that uses it or from the known types.

    stored  rosbags' MessageDefinition of a connection, or None
    digest  the hash that the bag gives, or ""
    Raises BagError for a type that neither knows.
    """
    if stored is not None and stored.format != MessageDefinitionFormat.NONE and stored.data:
        return stored.data, digest or _defined(msgtype, stored).hash_rihs01(msgtype)
    store = typestore()
    if msgtype not in store.fielddefs:
        raise BagError(
            f"message type {msgtype!r} is defined neither in the bag nor by ROS 2's standard packages: leave"
            " its topic out, or record with a storage that keeps definitions (mcap; sqlite3 since Iron)"
        )
    definition, _ = store.generate_msgdef(msgtype, ros_version=2)
    return definition, store.hash_rihs01(msgtype)


@lru_cache(maxsize=64)
def _defined(msgtype: str, stored: MessageDefinition) -> Typestore:
    """The types of a definition that a bag carries. Raises BagError where it is unusable."""
    plain = stored.format == MessageDefinitionFormat.MSG
    try:
        store = get_typestore(Stores.EMPTY)
        store.register(get_types_from_msg(stored.data, msgtype) if plain else get_types_from_idl(stored.data))
        store.hash_rihs01(msgtype)  # what it refers to is there
    except Exception as error:  # rosbags makes Python of the text, which may be anything
        message = f"the bag's definition of {msgtype!r} is unusable ({error}): leave its topic out"
        raise BagError(message) from error
    return store


@lru_cache(maxsize=64)
def _types_of(msgtype: str, stored: MessageDefinition, digest: str) -> Typestore:
    """The types by which a bag's messages were written: the known ones, or the bag's own where those differ.

    A bag without definition and digest (SQLite before Iron) is taken to be of today, see `is_todays`. Raises BagError
    where the digest is another and the definition missing, or unusable.
    """
    known = typestore()
    today = known.hash_rihs01(msgtype) if msgtype in known.fielddefs else ""
    if stored.format != MessageDefinitionFormat.NONE and stored.data:
        own = _defined(msgtype, stored)
        return known if own.hash_rihs01(msgtype) == today else own
    if digest and today and digest != today:
        raise BagError(
            f"the bag was recorded with another definition of {msgtype} than today's, and does not carry it:"
            " record with mcap, or leave the topic out"
        )
    return known


def is_todays(connection: Connection, messages: Iterable[bytes]) -> bool:
    """Whether the messages of a bag's topic are of the definition that this package knows.

    Where the bag has neither definition nor digest, the first of them tells: it fits, or there is none.
    """
    try:
        if connection.msgdef.format == MessageDefinitionFormat.NONE and not connection.digest:
            for first in islice(messages, 1):
                from_cdr(connection.msgtype, first, connection)
        return _types_of(connection.msgtype, connection.msgdef, connection.digest) is typestore()
    except BagError:
        return False


def to_cdr(header: Header, value: Any) -> memoryview:
    """A value of `enet_ros.messages` as little-endian CDR with its four encapsulation bytes."""
    types = typestore().types
    stamp = types["builtin_interfaces/msg/Time"](*sec_nanosec(header.stamp_ns))
    wrapped = _wrapped(value, header=types["std_msgs/msg/Header"](stamp=stamp, frame_id=header.frame_id))
    return typestore().serialize_cdr(wrapped, _TYPES[type(value)])


def _wrapped(value: Any, **more: Any) -> Any:
    """The object of rosbags that has the value's fields."""
    fields = {k: _wrapped(v) if type(v) in _TYPES else v for k, v in zip(value._fields, value, strict=True)}
    return typestore().types[_TYPES[type(value)]](**more, **fields)


def from_cdr(msgtype: str, data: bytes | memoryview, connection: Connection | None = None) -> Any:
    """The message in CDR bytes; array fields are views.

    connection: of the bag that they lie in, by whose definition they are decoded; None: by the known one, for types
    that never change. Raises BagError where the bytes are not such a message.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise BagError(f"a {msgtype} of {len(data)} bytes is over the limit of {MAX_MESSAGE_BYTES} bytes")
    types, undefined = typestore(), ""
    if connection is not None:
        types = _types_of(msgtype, connection.msgdef, connection.digest)
        if connection.msgdef.format == MessageDefinitionFormat.NONE:
            undefined = f", or it was recorded with another definition of {msgtype}, which it does not carry"
    try:
        return types.deserialize_cdr(data, msgtype)
    except (SerdeError, ValueError, IndexError, AssertionError) as error:
        raise BagError(
            f"{len(data)} bytes are not a {msgtype} ({error}): the bag is damaged here{undefined}"
        ) from error


def image_cdr(header: Header, pixels: U8, encoding: str) -> memoryview:
    """sensor_msgs/Image of pixels as `enet_ros.messages.image` takes them."""
    return to_cdr(header, messages.image(pixels, encoding))


def compressed_cdr(header: Header, data: bytes, format: str) -> memoryview:
    """sensor_msgs/CompressedImage; format as image_transport writes it, e.g. "jpeg"."""
    return to_cdr(header, messages.compressed_image(data, format))


def camera_info_cdr(header: Header, camera: CameraIntrinsics) -> memoryview:
    """sensor_msgs/CameraInfo of one unrectified camera."""
    return to_cdr(header, messages.camera_info(camera, camera.height, camera.width))


class CameraFrame(NamedTuple):
    """A decoded image message. rgb: (H, W, 3) uint8, maybe a read-only view of the message."""

    header: Header
    rgb: U8


def camera_frame(msgtype: str, data: bytes | memoryview) -> CameraFrame:
    """Decode a sensor_msgs/Image or CompressedImage.

    Raises BagError where the bytes are not such a message, ImageError as `enet_ros.messages.decode`.
    """
    message = from_cdr(msgtype, data)
    if msgtype not in IMAGE_TYPES:
        raise BagError(f"a {msgtype} is not an image: choose a topic of {IMAGE} or {COMPRESSED}")
    return CameraFrame(header_of(message), messages.decode(message))


def raw_image_cdr(data: bytes | memoryview) -> memoryview:
    """The sensor_msgs/Image of a CompressedImage: mono8 of a grey PNG, such as a mask, rgb8 of any other.

    Raises BagError, ImageError.
    """
    message = from_cdr(COMPRESSED, data)
    if str(message.format).startswith("mono8; png"):
        return image_cdr(header_of(message), messages.label_ids(message), "mono8")
    return image_cdr(header_of(message), messages.decode(message), "rgb8")


def label_image(msgtype: str, data: bytes | memoryview) -> tuple[Header, U8]:
    """Header and (H, W) uint8 class ids of a mono8 (or 8UC1) Image, or of a CompressedImage with a grey PNG.

    Raises BagError, ImageError.
    """
    message = from_cdr(msgtype, data)
    return header_of(message), messages.label_ids(message)
