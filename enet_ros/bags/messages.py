"""Values of this package to CDR and back: images, compressed images, calibrations. No ROS needed.

A message's fields are read and set by name, so the classes are those that `rosbags` generates.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rosbags.serde import SerdeError

from enet_ros.bags.types import CAMERA_INFO, COMPRESSED, IMAGE, typestore
from enet_ros.camera import CameraIntrinsics
from enet_ros.codec import MAX_PIXELS, RawImage, decode_compressed, to_rgb
from enet_ros.errors import BagError, ImageError

MAX_MESSAGE_BYTES = 1 << 28
"""Largest message that is decoded (256 MiB): above any camera's frame."""


class Header(NamedTuple):
    """std_msgs/Header: stamp_ns in nanoseconds, frame_id a REP-105 frame."""

    stamp_ns: int
    frame_id: str


def make(msgtype: str, **fields: Any) -> Any:
    """A message object of a type of `typestore()`."""
    return typestore().types[msgtype](**fields)


def to_cdr(msgtype: str, message: Any) -> memoryview:
    """The message as little-endian CDR with its four encapsulation bytes."""
    return typestore().serialize_cdr(message, msgtype)


def from_cdr(msgtype: str, data: bytes | memoryview) -> Any:
    """The message in CDR bytes; array fields are views. BagError where the bytes are no such message."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise BagError(f"a {msgtype} of {len(data)} bytes is over the limit of {MAX_MESSAGE_BYTES} bytes")
    try:
        return typestore().deserialize_cdr(data, msgtype)
    except (SerdeError, ValueError, IndexError, AssertionError) as error:
        raise BagError(f"{len(data)} bytes are no {msgtype} ({error}): the bag is damaged here") from error


def header(stamp_ns: int, frame_id: str) -> Any:
    """A std_msgs/Header object."""
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    stamp = make("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)
    return make("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id)


def header_of(message: Any) -> Header:
    """Stamp and frame of any message with a header."""
    stamp = message.header.stamp
    return Header(int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec), str(message.header.frame_id))


def image_cdr(of: Header, pixels: npt.NDArray[np.uint8], encoding: str) -> memoryview:
    """sensor_msgs/Image with tight rows.

    pixels: (H, W, 3) uint8 for rgb8 and bgr8, (H, W) uint8 for mono8.
    """
    rows = np.ascontiguousarray(pixels)
    message = make(
        IMAGE,
        header=header(*of),
        height=rows.shape[0],
        width=rows.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=rows.strides[0],
        data=rows.reshape(-1),
    )
    return to_cdr(IMAGE, message)


def compressed_cdr(of: Header, data: bytes, format: str) -> memoryview:
    """sensor_msgs/CompressedImage; format as image_transport writes it, e.g. "jpeg"."""
    message = make(COMPRESSED, header=header(*of), format=format, data=np.frombuffer(data, np.uint8))
    return to_cdr(COMPRESSED, message)


def camera_info_cdr(of: Header, camera: CameraIntrinsics) -> memoryview:
    """sensor_msgs/CameraInfo of one unrectified camera: R is the identity, P is K and a zero column."""
    k = np.asarray(camera.k, np.float64)
    message = make(
        CAMERA_INFO,
        header=header(*of),
        height=camera.height,
        width=camera.width,
        distortion_model=camera.model,
        d=np.asarray(camera.d, np.float64),
        k=k.reshape(9),
        r=np.eye(3).reshape(9),
        p=np.hstack([k, np.zeros((3, 1))]).reshape(12),
        binning_x=0,
        binning_y=0,
        roi=make("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False),
    )
    return to_cdr(CAMERA_INFO, message)


def intrinsics_of(message: Any) -> CameraIntrinsics | None:
    """The calibration in a CameraInfo; None for an uncalibrated camera (K[0] = 0, says CameraInfo.msg)."""
    if not message.k[0]:
        return None
    return CameraIntrinsics(
        width=int(message.width),
        height=int(message.height),
        k=np.array(message.k, np.float64).reshape(3, 3),
        d=tuple(float(v) for v in message.d),
        model=str(message.distortion_model),
    )


class CameraFrame(NamedTuple):
    """A decoded image message. rgb: (H, W, 3) uint8, maybe a read-only view of the message."""

    header: Header
    rgb: npt.NDArray[np.uint8]


def raw_image(message: Any) -> RawImage:
    """The fields of a sensor_msgs/Image object."""
    return RawImage(
        encoding=str(message.encoding),
        height=int(message.height),
        width=int(message.width),
        step=int(message.step),
        is_bigendian=bool(message.is_bigendian),
        data=message.data,
    )


def camera_frame(msgtype: str, data: bytes | memoryview, *, max_pixels: int = MAX_PIXELS) -> CameraFrame:
    """Decode a sensor_msgs/Image or CompressedImage.

    Raises BagError where the bytes are no such message, ImageError where the message holds no image, or one
    of more than max_pixels, which is known before it is decoded.
    """
    message = from_cdr(msgtype, data)
    if msgtype == IMAGE:
        return CameraFrame(header_of(message), to_rgb(raw_image(message), max_pixels=max_pixels))
    if msgtype == COMPRESSED:
        return CameraFrame(
            header_of(message), decode_compressed(str(message.format), message.data, max_pixels=max_pixels)
        )
    raise BagError(f"a {msgtype} is no image: choose a topic of {IMAGE} or {COMPRESSED}")


def label_image(data: bytes | memoryview) -> tuple[Header, npt.NDArray[np.uint8]]:
    """Header and (H, W) uint8 class ids of a mono8 (or 8UC1) Image. Raises BagError, ImageError."""
    message = from_cdr(IMAGE, data)
    raw = raw_image(message)
    if raw.encoding not in ("mono8", "8UC1"):
        raise ImageError(f"a mask has encoding {raw.encoding!r}: class ids need mono8 (void 255)")
    if not 0 < raw.height * raw.width <= MAX_PIXELS:
        raise ImageError(f"mask of {raw.width}x{raw.height} pixels: expected 1..{MAX_PIXELS}")
    flat = np.frombuffer(raw.data, np.uint8)
    if raw.step < raw.width or flat.size != raw.step * raw.height:
        size = f"{raw.width}x{raw.height}, step {raw.step}"
        raise ImageError(f"mask of {size} has {flat.size} bytes: its publisher is at fault")
    return header_of(message), flat.reshape(raw.height, raw.step)[:, : raw.width]
