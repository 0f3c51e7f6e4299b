"""The only place where messages and arrays meet."""

from __future__ import annotations

import copy
import math
from array import array
from typing import Any

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from enet_ros.camera import CameraIntrinsics
from enet_ros.codec import RawImage, UnsupportedEncoding, decode_compressed, to_rgb
from enet_ros.errors import ImageError
from enet_ros.products.lens import scaled

_UINT8 = npt.NDArray[np.uint8]


def stamp_ns(stamp: Time) -> int:
    """Nanoseconds since the epoch of the stamp's clock."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def to_stamp(nanoseconds: int) -> Time:
    """The inverse of `stamp_ns`."""
    return Time(sec=nanoseconds // 1_000_000_000, nanosec=nanoseconds % 1_000_000_000)


def to_bytes(values: npt.NDArray[Any]) -> array[int]:
    """The array's bytes as rclpy takes them for uint8[]: 0.1 ms for 1280x720x3, where an ndarray takes 130."""
    filled = array("B")
    filled.frombytes(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
    return filled


def to_image(values: _UINT8, encoding: str, header: Header) -> Image:
    """(H, W) or (H, W, C) uint8 as an Image without padding: step is width times channels."""
    height, width = values.shape[:2]
    step = width * (values.shape[2] if values.ndim == 3 else 1)
    message = Image(header=header, height=height, width=width, encoding=encoding, step=step)
    message.data = to_bytes(values)
    return message


def from_image(message: Image) -> npt.NDArray[Any]:
    """The inverse of `to_image`: (H, W) for mono8, (H, W, 3) for rgb8; a view of the message's data."""
    flat = np.frombuffer(message.data, np.uint8)
    channels = message.step // message.width
    shape = (message.height, message.width, channels)
    return flat.reshape(shape if channels > 1 else shape[:2])


def decode(message: Image | CompressedImage, max_pixels: int) -> _UINT8:
    """(H, W, 3) uint8 RGB of a camera message, a view where the layout allows. Raises ImageError."""
    if isinstance(message, CompressedImage):
        return decode_compressed(message.format, message.data, max_pixels=max_pixels)
    raw = RawImage(
        message.encoding, message.height, message.width, message.step, bool(message.is_bigendian), message.data
    )
    try:
        return to_rgb(raw, max_pixels=max_pixels)
    except UnsupportedEncoding:
        if message.height * message.width > max_pixels or not has_cv_bridge():
            raise
        return _by_cv_bridge(message)


def has_cv_bridge() -> bool:
    """Whether encodings outside codec's table can be served."""
    try:
        import cv_bridge  # noqa: F401
    except ImportError:
        return False
    return True


def _by_cv_bridge(message: Image) -> _UINT8:
    from cv_bridge import CvBridge, CvBridgeError

    try:
        return np.asarray(CvBridge().imgmsg_to_cv2(message, "rgb8"), np.uint8)
    except (CvBridgeError, TypeError, ValueError, RuntimeError) as error:
        raise ImageError(f"cv_bridge refuses encoding {message.encoding!r}: {error}") from error


def scaled_camera_info(info: CameraInfo, width: int, height: int, header: Header) -> CameraInfo | None:
    """The calibration for the received image at another size, with that image's header: K, P, size and roi scaled.

    As in sensor_msgs, all of these are of the whole sensor: of the image they describe it is a region, binned. At the
    size that was received, a region's calibration is therefore what it was. A pixel's integer coordinates are its
    centre, so the principal point moves by half a pixel as the image shrinks: c' = (c + 0.5) s - 0.5.
    None where the calibration states no size (an uncalibrated camera).
    """
    received = _received_size(info)
    if not all(received):
        return None
    sx, sy = width / received[0], height / received[1]
    scaled = copy.copy(info)
    scaled.header, scaled.width, scaled.height = header, round(info.width * sx), round(info.height * sy)
    scaled.k, scaled.p = _scaled_matrix(info.k, 3, sx, sy), _scaled_matrix(info.p, 4, sx, sy)
    roi = info.roi
    scaled.roi = RegionOfInterest(
        x_offset=math.floor(roi.x_offset * sx),
        y_offset=math.floor(roi.y_offset * sy),
        width=round(roi.width * sx),
        height=round(roi.height * sy),
        do_rectify=roi.do_rectify,
    )
    return scaled


def _received_size(info: CameraInfo) -> tuple[int, int]:
    """(width, height) of the image that a calibration comes with: its region of interest, binned."""
    whole = not (info.roi.width and info.roi.height)  # zeros: the whole image
    width, height = (info.width, info.height) if whole else (info.roi.width, info.roi.height)
    return int(width) // max(1, int(info.binning_x)), int(height) // max(1, int(info.binning_y))


def _scaled_matrix(values: Any, columns: int, sx: float, sy: float) -> npt.NDArray[np.float64]:
    matrix = np.array(values, np.float64).reshape(3, columns)
    matrix[0] = matrix[0] * sx + 0.5 * (sx - 1) * matrix[2]
    matrix[1] = matrix[1] * sy + 0.5 * (sy - 1) * matrix[2]
    return matrix.reshape(-1)


def intrinsics(info: CameraInfo, rectified: bool = False) -> CameraIntrinsics:
    """The calibration of the image that was received, as a plain value: cut to the region of interest, binned.

    rectified: of the image that image_proc makes of it, which P describes, without distortion.
    Nothing is judged here: `enet_ros.products.lens.checked` says what is wrong with a calibration.
    """
    k = np.array(info.p, np.float64).reshape(3, 4)[:, :3] if rectified else np.array(info.k, np.float64).reshape(3, 3)
    width, height, roi = int(info.width), int(info.height), info.roi
    if roi.width and roi.height:  # zeros: the whole image
        width, height = int(roi.width), int(roi.height)
        k[0, 2] -= roi.x_offset
        k[1, 2] -= roi.y_offset
    d = () if rectified else tuple(float(value) for value in info.d)
    full = CameraIntrinsics(width, height, k, d, "" if rectified else info.distortion_model)
    across, down = max(1, int(info.binning_x)), max(1, int(info.binning_y))
    binned = width // across, height // down
    return scaled(full, *binned) if all(binned) else full
