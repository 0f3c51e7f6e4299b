"""Messages of rclpy to values and arrays, and back."""

from __future__ import annotations

from array import array
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, Quaternion
from nav_msgs.msg import MapMetaData, OccupancyGrid
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2, PointField, RegionOfInterest
from std_msgs.msg import Header

from enet_ros import messages
from enet_ros.arrays import F32, I8, U8
from enet_ros.classes import ClassTable
from enet_ros.codec import UnsupportedEncoding
from enet_ros.errors import ImageError
from enet_ros.msg import FreeSpace, SegmentationInfo
from enet_ros.products.occupancy import GridSpec
from enet_ros.stamps import sec_nanosec

_CLASSES: dict[type, Any] = {
    messages.Image: Image,
    messages.CompressedImage: CompressedImage,
    messages.CameraInfo: CameraInfo,
    messages.RegionOfInterest: RegionOfInterest,
    messages.FreeSpace: FreeSpace,
    messages.SegmentationInfo: SegmentationInfo,
}

_XYZ = [PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, name in enumerate("xyz")]


def to_message(value: Any, header: Header) -> Any:
    """A value of `enet_ros.messages` as the rclpy message of its name."""
    return _wrapped(value, header=header)


def _wrapped(value: Any, **more: Any) -> Any:
    kind = _CLASSES[type(value)]
    message, sequences = kind(**more), _sequences(kind)
    for name, field in zip(value._fields, value, strict=True):
        if type(field) in _CLASSES:
            field = _wrapped(field)
        elif name in sequences and isinstance(field, np.ndarray):
            field = to_sequence(field)
        setattr(message, name, field)
    return message


@lru_cache
def _sequences(kind: Any) -> frozenset[str]:
    """The fields of a message class that are arrays of any length."""
    return frozenset(n for n, text in kind.get_fields_and_field_types().items() if text.startswith("sequence<"))


def to_sequence(values: npt.NDArray[Any]) -> array[Any]:
    """An array as rclpy takes it for a sequence of numbers: 0.1 ms for 1280x720x3 bytes, where an ndarray takes 130."""
    filled = array(values.dtype.char)
    filled.frombytes(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
    return filled


def to_stamp(nanoseconds: int) -> Time:
    """The inverse of `enet_ros.stamps.stamp_ns`."""
    sec, nanosec = sec_nanosec(nanoseconds)
    return Time(sec=sec, nanosec=nanosec)


def to_image(values: U8, encoding: str, header: Header) -> Image:
    """(H, W) or (H, W, C) uint8 as an Image without padding: step is width times channels."""
    message: Image = to_message(messages.image(values, encoding), header)
    return message


def decode(message: Image | CompressedImage, max_pixels: int) -> U8:
    """As `enet_ros.messages.decode`, with cv_bridge for the encodings outside codec's table where it is installed."""
    try:
        return messages.decode(message, max_pixels=max_pixels)
    except UnsupportedEncoding as unsupported:
        if not isinstance(message, Image) or message.height * message.width > max_pixels:
            raise
        try:
            from cv_bridge import CvBridge, CvBridgeError
        except ImportError:
            raise unsupported from None
    try:
        return np.asarray(CvBridge().imgmsg_to_cv2(message, "rgb8"), np.uint8)
    except (CvBridgeError, TypeError, ValueError, RuntimeError) as error:
        raise ImageError(f"cv_bridge refuses encoding {message.encoding!r}: {error}") from error


def to_point_cloud(points: F32, stamp: Time, frame_id: str) -> PointCloud2:
    """(N, 3) float32 x, y, z as a cloud of 12 bytes a point; (H, W, 3), which may hold NaN, as an organised one."""
    height, width = (1, len(points)) if points.ndim == 2 else points.shape[:2]
    message = PointCloud2(header=Header(stamp=stamp, frame_id=frame_id), height=height, width=width, fields=_XYZ)
    message.point_step, message.row_step = 12, 12 * width
    message.is_bigendian, message.is_dense = False, points.ndim == 2
    message.data = to_sequence(np.ascontiguousarray(points).view(np.uint8))
    return message


def to_occupancy_grid(grid: I8, spec: GridSpec, stamp: Time, frame_id: str) -> OccupancyGrid:
    """(rows along y, columns along x) int8 as a grid whose cell [0, 0] has its outer corner at the spec's origin."""
    rows, columns = grid.shape
    x, y = spec.origin
    origin = Pose(position=Point(x=x, y=y, z=0.0), orientation=Quaternion(w=1.0))
    info = MapMetaData(map_load_time=stamp, resolution=spec.resolution_m, width=columns, height=rows, origin=origin)
    message = OccupancyGrid(header=Header(stamp=stamp, frame_id=frame_id), info=info)
    message.data = to_sequence(grid)
    return message


def label_info_type() -> Any | None:
    """vision_msgs/LabelInfo, or None where vision_msgs is not installed."""
    try:
        from vision_msgs.msg import LabelInfo
    except ImportError:
        return None
    return LabelInfo


def label_info(stamp: Time, table: ClassTable) -> Any:
    """The message of ~/label_info, as Nav2's semantic layer reads it: ids and names, without void."""
    from vision_msgs.msg import LabelInfo, VisionClass

    message = LabelInfo(header=Header(stamp=stamp))
    message.class_map = [
        VisionClass(class_id=index, class_name=name) for index, name in enumerate(table.names) if index != table.void
    ]
    return message
