"""The message types a bag is read and written with: ROS 2's own and this package's, from their .msg files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from rosbags.interfaces import MessageDefinitionFormat
from rosbags.rosbag2.errors import ReaderError
from rosbags.typesys import Stores, TypesysError, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from enet_ros import files
from enet_ros.errors import BagError

IMAGE: Final = "sensor_msgs/msg/Image"
COMPRESSED: Final = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO: Final = "sensor_msgs/msg/CameraInfo"
FREE_SPACE: Final = "enet_ros/msg/FreeSpace"
SEGMENTATION_INFO: Final = "enet_ros/msg/SegmentationInfo"
IMAGE_TYPES: Final = (IMAGE, COMPRESSED)


def message_folder() -> Path:
    """The folder of this package's .msg files. Raises BagError where they are not installed."""
    found = files.installed("msg", "FreeSpace.msg")
    if found is None:
        raise BagError("enet_ros/msg/FreeSpace.msg is not installed beside the package: reinstall enet_ros")
    return found.parent


@lru_cache(maxsize=1)
def typestore() -> Typestore:
    """ROS 2's standard messages (Humble's; the camera's have not changed since) and those of enet_ros.

    Raises BagError where the latter are not installed.
    """
    store = get_typestore(Stores.ROS2_HUMBLE)
    types: dict[str, Any] = {}
    for path in sorted(message_folder().glob("*.msg")):
        types.update(get_types_from_msg(path.read_text("utf-8"), f"enet_ros/msg/{path.stem}"))
    store.register(types)
    return store


def definition_of(msgtype: str, stored: Any = None, digest: str = "") -> tuple[str, str]:
    """(definition text, RIHS01 hash) of a type, from the bag it stands in or from the known types.

    stored  rosbags' MessageDefinition of a connection, or None
    digest  the hash the bag gives, or ""
    Raises BagError for a type known to neither.
    """
    if stored is not None and stored.format != MessageDefinitionFormat.NONE and stored.data:
        return stored.data, digest or _hash(msgtype, stored)
    store = typestore()
    if msgtype not in store.fielddefs:
        raise BagError(
            f"message type {msgtype!r} is defined neither in the bag nor by ROS 2's standard packages: leave"
            " its topic out, or record with a storage that keeps definitions (mcap; sqlite3 since Iron)"
        )
    definition, _ = store.generate_msgdef(msgtype, ros_version=2)
    return definition, store.hash_rihs01(msgtype)


def _hash(msgtype: str, stored: Any) -> str:
    """The type hash of a definition that came without one."""
    plain = stored.format == MessageDefinitionFormat.MSG
    try:
        store = get_typestore(Stores.EMPTY)
        store.register(get_types_from_msg(stored.data, msgtype) if plain else get_types_from_idl(stored.data))
        return store.hash_rihs01(msgtype)
    except (TypesysError, ReaderError, KeyError) as error:
        message = f"the bag's definition of {msgtype!r} is unusable ({error}): leave its topic out"
        raise BagError(message) from error
