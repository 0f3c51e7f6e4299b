"""Message fields as plain values, which `ros.messages` turns into rclpy messages and `bags.messages` into CDR.

Headers are added there, so that an image's header can be passed on unchanged. Functions that read a message accept
rclpy's and rosbags' classes alike, as their fields have the same names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from enet_ros.arrays import F32, F64, I8, U8, U16
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
    """enet_ros/FreeSpace: boundary_row and ends_at are (W,); range (metres) and bearing (radians) are (W,) or empty."""

    height: int
    width: int
    column_offset: int
    column_step: int
    boundary_row: U16
    ends_at: U8
    base_frame: str
    range: F32
    bearing: F32


class OccupancyGrid(NamedTuple):
    """nav_msgs/OccupancyGrid that is not turned. cells: (rows along y, columns along x) int8, -1 unknown, 0..100.

    origin: x, y of the outer corner of cell [0, 0], metres.
    """

    cells: I8
    resolution_m: float
    origin: tuple[float, float]


class SegmentationInfo(NamedTuple):
    """enet_ros/SegmentationInfo: what the ids in a mask mean, and which model and engine computed them."""

    class_table: str
    class_names: list[str]
    class_colors: U8
    drivable: U8
    mask_groups: list[str]
    model_number: int
    model: str
    model_digest: str
    model_license: str
    network_height: int
    network_width: int
    engine: str
    runtime: str
    device: str
    precision: str
    precision_reason: str


# ---- making values -------------------------------------------------------------------------------------------------


def image(pixels: U8, encoding: str) -> Image:
    """An image whose rows are not padded. pixels: (H, W, 3) uint8 for rgb8 and bgr8, (H, W) uint8 for mono8."""
    rows = np.ascontiguousarray(pixels)
    return Image(rows.shape[0], rows.shape[1], encoding, 0, rows.strides[0], rows.reshape(-1))


def compressed_image(data: bytes, format: str) -> CompressedImage:
    """An encoded JPEG or PNG stream as a message."""
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
    """The calibration of an unrectified monocular camera: R is the identity, P is K with a column of zeros.

    camera: None for an uncalibrated camera; its matrices are zero. height, width: size of its images in pixels.
    """
    if camera is None:
        return CameraInfo(height, width, "", np.zeros(0), np.zeros(9), np.zeros(9), np.zeros(12))
    k = np.asarray(camera.k, np.float64)
    p = np.hstack([k, np.zeros((3, 1))])
    d = np.asarray(camera.d, np.float64)
    return CameraInfo(height, width, camera.model, d, k.reshape(9), np.eye(3).reshape(9), p.reshape(12))


def free_space(space: products.FreeSpace, height: int, metres: Metres, base_frame: str) -> FreeSpace:
    """Free space in every column of an image `height` pixels high.

    metres: empty without a calibration. base_frame: the frame of the metres, left empty where there are none.
    """
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


def segmentation_info(
    card: ModelCard, engine: EngineInfo, mask_groups: Sequence[str] = (), model_number: int = 0
) -> SegmentationInfo:
    """Describes a model and the engine that runs it.

    mask_groups: names of the topics under ~/masks/. model_number: the node's own, 0 where there is none.
    """
    table = card.classes
    height, width = engine.size
    return SegmentationInfo(
        class_table=table.name,
        class_names=list(table.names),
        class_colors=np.array(table.colors, np.uint8).reshape(-1),
        drivable=np.array(table.indices(table.drivable), np.uint8),
        mask_groups=list(mask_groups),
        model_number=model_number,
        model=card.name,
        model_digest=card.digest,
        model_license=card.license,
        network_height=height,
        network_width=width,
        engine=engine.name,
        runtime=engine.runtime,
        device=engine.device,
        precision=engine.precision,
        precision_reason=engine.why,
    )


# ---- reading messages of rclpy or rosbags --------------------------------------------------------------------------


def header_of(message: Any) -> Header:
    """Stamp and frame of any message with a header."""
    return Header(stamp_ns(message.header.stamp), str(message.header.frame_id))


def decode(message: Any, *, max_pixels: int = MAX_PIXELS) -> U8:
    """(H, W, 3) uint8 RGB of a sensor_msgs/Image or CompressedImage, a view where the layout allows.

    Raises ImageError if the message holds no valid image or one of more than max_pixels (checked before decoding),
    UnsupportedEncoding if its encoding is not in codec's table.
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
        raise ImageError(f"mask has encoding {raw.encoding!r}: class ids need mono8 (void is 255)")
    if not 0 < raw.height * raw.width <= MAX_PIXELS:
        raise ImageError(f"mask of {raw.width}x{raw.height} pixels: expected 1..{MAX_PIXELS}")
    flat = np.frombuffer(raw.data, np.uint8)
    if raw.step < raw.width or flat.size != raw.step * raw.height:
        size = f"{raw.width}x{raw.height}, step {raw.step}"
        raise ImageError(f"mask of {size} has {flat.size} bytes: check its publisher")
    return flat.reshape(raw.height, raw.step)[:, : raw.width]


def free_space_of(message: Any) -> FreeSpace:
    """An enet_ros/FreeSpace."""
    return FreeSpace(
        height=int(message.height),
        width=int(message.width),
        column_offset=int(message.column_offset),
        column_step=int(message.column_step),
        boundary_row=np.asarray(message.boundary_row, np.uint16),
        ends_at=np.asarray(message.ends_at, np.uint8),
        base_frame=str(message.base_frame),
        range=np.asarray(message.range, np.float32),
        bearing=np.asarray(message.bearing, np.float32),
    )


def points_of(message: Any) -> F32:
    """(N, 3) float32 x, y, z of a sensor_msgs/PointCloud2 as our outputs are, 12 bytes a point. Raises ImageError."""
    if message.point_step != 12 or message.is_bigendian:
        raise ImageError(f"a cloud of {message.point_step} bytes a point: expected 12, x, y, z as float32")
    return np.frombuffer(message.data, np.float32).reshape(-1, 3)


def occupancy_grid_of(message: Any) -> OccupancyGrid:
    """A nav_msgs/OccupancyGrid, whose orientation is not looked at."""
    info = message.info
    cells = np.asarray(message.data, np.int8).reshape(info.height, info.width)
    return OccupancyGrid(cells, float(info.resolution), (float(info.origin.position.x), float(info.origin.position.y)))


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
    """The calibration of the image that a sensor_msgs/CameraInfo belongs to: region of interest and binning applied.

    rectified: the image is one that image_proc has rectified, which P describes and which has no distortion.
    Values are taken as they are, K may be zero: `enet_ros.products.lens.checked` judges them.
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
    """The CameraInfo after its image is resized to width x height: K, P, size and region of interest are scaled.

    As sensor_msgs defines them, these describe the full sensor, and the image is a (binned) region of it. Resizing to
    the size that was received therefore changes nothing.
    Returns None if the calibration states no size (an uncalibrated camera).
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
