"""The fields of messages as plain values. `ros.messages` turns them into rclpy's messages, `bags.messages` into CDR.

The header is added there, so that the header of an image can be passed on unchanged. The functions that read a message
accept those of rclpy and of rosbags: their fields have the same names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from enet_ros.arrays import F32, F64, U8, U16
from enet_ros.camera import CameraIntrinsics
from enet_ros.card import ModelCard
from enet_ros.codec import MAX_PIXELS, RawImage, compress, decode_compressed, decode_ids, to_rgb
from enet_ros.errors import ImageError
from enet_ros.products import free_space as products
from enet_ros.products import lens
from enet_ros.products.points import Metres
from enet_ros.stamps import stamp_ns

if TYPE_CHECKING:
    from enet_ros.engines.base import EngineInfo


class Header(NamedTuple):
    """std_msgs/Header: stamp_ns in nanoseconds, frame_id a REP-105 frame."""

    stamp_ns: int
    frame_id: str


class Image(NamedTuple):
    """sensor_msgs/Image: height and width in pixels, step in bytes per row, data (height * step,) uint8."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: U8


class CompressedImage(NamedTuple):
    """sensor_msgs/CompressedImage: format as image_transport writes it, e.g. "jpeg"; data (N,) uint8."""

    format: str
    data: U8


class RegionOfInterest(NamedTuple):
    """sensor_msgs/RegionOfInterest in pixels; zeros are the whole image."""

    x_offset: int = 0
    y_offset: int = 0
    height: int = 0
    width: int = 0
    do_rectify: bool = False


class CameraInfo(NamedTuple):
    """sensor_msgs/CameraInfo: d (N,), k (9,), r (9,) and p (12,) float64, row by row."""

    height: int
    width: int
    distortion_model: str
    d: F64
    k: F64
    r: F64
    p: F64
    binning_x: int = 0
    binning_y: int = 0
    roi: RegionOfInterest = RegionOfInterest()


class FreeSpace(NamedTuple):
    """enet_ros/FreeSpace; boundary_row and ends_at (W,), range in metres and bearing in radians (W,) or empty."""

    height: int
    width: int
    column_offset: int
    column_step: int
    boundary_row: U16
    ends_at: U8
    base_frame: str
    range: F32
    bearing: F32


class SegmentationInfo(NamedTuple):
    """enet_ros/SegmentationInfo: what the ids in a mask mean, and what computed them."""

    class_table: str
    class_names: list[str]
    class_colors: U8
    drivable: U8
    mask_groups: list[str]
    model: str
    model_digest: str
    model_license: str
    network_height: int
    network_width: int
    engine: str
    runtime: str
    device: str
    precision: str


# ---- values from what they are made of -----------------------------------------------------------------------------


def image(pixels: U8, encoding: str) -> Image:
    """An image without padding. pixels: (H, W, 3) uint8 for rgb8 and bgr8, (H, W) uint8 for mono8."""
    rows = np.ascontiguousarray(pixels)
    return Image(rows.shape[0], rows.shape[1], encoding, 0, rows.strides[0], rows.reshape(-1))


def compressed_image(data: bytes, format: str) -> CompressedImage:
    """A JPEG or PNG stream."""
    return CompressedImage(format, np.frombuffer(data, np.uint8))


def compressed(pixels: U8, format: str, quality: int = 90) -> CompressedImage:
    """Pixels as image_transport's plugin `compressed` sends them, with its text of the format.

    pixels: (H, W, 3) uint8 RGB or (H, W) uint8. format: "jpeg" (quality 1..100) or "png".
    Raises ImageError for another format.
    """
    # The text names the sender's encoding, then that of the stream: OpenCV's, and nothing for a grey PNG.
    encoding, stream = ("rgb8", "bgr8") if pixels.ndim == 3 else ("mono8", "mono8" if format == "jpeg" else "")
    return compressed_image(compress(pixels, format, quality), f"{encoding}; {format} compressed {stream}")


def camera_info(camera: CameraIntrinsics | None, height: int, width: int) -> CameraInfo:
    """The calibration of an unrectified single camera: R is the identity, P is K and a zero column.

    camera: None for an uncalibrated camera, whose matrices are zeros. height, width: of its images.
    """
    if camera is None:
        return CameraInfo(height, width, "", np.zeros(0), np.zeros(9), np.zeros(9), np.zeros(12))
    k = np.asarray(camera.k, np.float64)
    p = np.hstack([k, np.zeros((3, 1))])
    d = np.asarray(camera.d, np.float64)
    return CameraInfo(height, width, camera.model, d, k.reshape(9), np.eye(3).reshape(9), p.reshape(12))


def free_space(space: products.FreeSpace, height: int, metres: Metres, base_frame: str) -> FreeSpace:
    """Free space in every column of an image of that height. base_frame: of the metres; empty where there are none."""
    return FreeSpace(
        height=height,
        width=len(space.boundary_row),
        column_offset=0,
        column_step=1,
        boundary_row=space.boundary_row.astype(np.uint16),
        ends_at=space.surface,
        base_frame=base_frame if metres.range_m.size else "",
        range=metres.range_m,
        bearing=metres.bearing_rad,
    )


def segmentation_info(card: ModelCard, engine: EngineInfo, mask_groups: Sequence[str] = ()) -> SegmentationInfo:
    """The description of a model and of the engine that runs it. mask_groups: names of the topics below ~/masks/."""
    table = card.classes
    height, width = engine.size
    return SegmentationInfo(
        class_table=table.name,
        class_names=list(table.names),
        class_colors=np.array(table.colors, np.uint8).reshape(-1),
        drivable=np.array(table.indices(table.drivable), np.uint8),
        mask_groups=list(mask_groups),
        model=card.name,
        model_digest=card.digest,
        model_license=card.license,
        network_height=height,
        network_width=width,
        engine=engine.name,
        runtime=engine.runtime,
        device=engine.device,
        precision=engine.precision,
    )


# ---- messages of rclpy or rosbags to values ------------------------------------------------------------------------


def header_of(message: Any) -> Header:
    """Stamp and frame of any message with a header."""
    return Header(stamp_ns(message.header.stamp), str(message.header.frame_id))


def decode(message: Any, *, max_pixels: int = MAX_PIXELS) -> U8:
    """(H, W, 3) uint8 RGB of a sensor_msgs/Image or CompressedImage, a view where the layout allows.

    Raises ImageError where the message holds no image or one of more than max_pixels, which is known before decoding;
    UnsupportedEncoding for an encoding outside codec's table.
    """
    if hasattr(message, "format"):
        return decode_compressed(str(message.format), message.data, max_pixels=max_pixels)
    return to_rgb(_raw(message), max_pixels=max_pixels)


def label_ids(message: Any) -> U8:
    """(H, W) uint8 class ids of a mono8 (or 8UC1) sensor_msgs/Image, a view, or of a CompressedImage with a grey PNG.

    Raises ImageError.
    """
    if hasattr(message, "format"):
        return decode_ids(message.data)
    raw = _raw(message)
    if raw.encoding not in ("mono8", "8UC1"):
        raise ImageError(f"a mask has encoding {raw.encoding!r}: class ids need mono8 (void 255)")
    if not 0 < raw.height * raw.width <= MAX_PIXELS:
        raise ImageError(f"mask of {raw.width}x{raw.height} pixels: expected 1..{MAX_PIXELS}")
    flat = np.frombuffer(raw.data, np.uint8)
    if raw.step < raw.width or flat.size != raw.step * raw.height:
        size = f"{raw.width}x{raw.height}, step {raw.step}"
        raise ImageError(f"mask of {size} has {flat.size} bytes: its publisher is at fault")
    return flat.reshape(raw.height, raw.step)[:, : raw.width]


def _raw(message: Any) -> RawImage:
    return RawImage(
        encoding=str(message.encoding),
        height=int(message.height),
        width=int(message.width),
        step=int(message.step),
        is_bigendian=bool(message.is_bigendian),
        data=message.data,
    )


def intrinsics(info: Any, rectified: bool = False) -> CameraIntrinsics:
    """The calibration of the image that comes with a sensor_msgs/CameraInfo: cut to the region of interest, binned.

    rectified: of the image that image_proc makes of it, which P describes, without distortion.
    Nothing is judged here, K may be zero: `enet_ros.products.lens.checked` says what is wrong with a calibration.
    """
    k = np.array(info.p, np.float64).reshape(3, 4)[:, :3] if rectified else np.array(info.k, np.float64).reshape(3, 3)
    width, height, roi = int(info.width), int(info.height), info.roi
    if roi.width and roi.height:  # zeros: the whole image
        width, height = int(roi.width), int(roi.height)
        k[0, 2] -= roi.x_offset
        k[1, 2] -= roi.y_offset
    d = () if rectified else tuple(float(value) for value in info.d)
    full = CameraIntrinsics(width, height, k, d, "" if rectified else str(info.distortion_model))
    binned = width // max(1, int(info.binning_x)), height // max(1, int(info.binning_y))
    return lens.scaled(full, *binned) if all(binned) else full


def scaled_camera_info(info: Any, width: int, height: int) -> CameraInfo | None:
    """A sensor_msgs/CameraInfo for its image resized to width x height: K, P, size and region of interest scaled.

    As in sensor_msgs, all of these are of the whole sensor: of the image they describe it is a region, binned. At the
    size that was received, a region's calibration is therefore what it was.
    None where the calibration states no size (an uncalibrated camera).
    """
    received = intrinsics(info)
    if not (received.width and received.height):
        return None
    sx, sy = width / received.width, height / received.height
    roi = info.roi
    return CameraInfo(
        height=round(info.height * sy),
        width=round(info.width * sx),
        distortion_model=str(info.distortion_model),
        d=np.array(info.d, np.float64),
        k=lens.scaled_matrix(np.array(info.k, np.float64).reshape(3, 3), sx, sy).reshape(-1),
        r=np.array(info.r, np.float64),
        p=lens.scaled_matrix(np.array(info.p, np.float64).reshape(3, 4), sx, sy).reshape(-1),
        binning_x=int(info.binning_x),
        binning_y=int(info.binning_y),
        roi=RegionOfInterest(
            x_offset=math.floor(roi.x_offset * sx),
            y_offset=math.floor(roi.y_offset * sy),
            height=round(roi.height * sy),
            width=round(roi.width * sx),
            do_rectify=bool(roi.do_rectify),
        ),
    )
