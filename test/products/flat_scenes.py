"""Label images of flat scenes from formulas of their own: nothing here uses the code under test but for its values.

The road is flat and runs along x; a wall stands across it at a known distance. The wall's foot is a curve in the image:
points of it are put through the lens's published formula, and each column is cut at the curve.
"""

from __future__ import annotations

import numpy as np

from enet_ros.camera import CameraIntrinsics, CameraPose

K = np.array([[800.0, 0.0, 476.0], [0.0, 790.0, 355.0], [0.0, 0.0, 1.0]])
LENSES = {
    "ideal": CameraIntrinsics(960, 720, K),
    "plumb_bob": CameraIntrinsics(960, 720, K, (-0.28, 0.07, 0.0006, -0.0004, 0.004), "plumb_bob"),
    "rational_polynomial": CameraIntrinsics(
        960, 720, K, (0.45, 0.12, 0.0003, -0.0002, 0.01, 0.76, 0.25, 0.03), "rational_polynomial"
    ),
    "equidistant": CameraIntrinsics(
        960,
        720,
        np.array([[420.0, 0, 478.0], [0, 421.0, 362.0], [0, 0, 1]]),
        (-0.02, 0.008, -0.004, 0.0007),
        "equidistant",
    ),
}
POSES = {
    "level": CameraPose(1.5),
    "down": CameraPose(1.5, pitch_rad=0.09),
    "up": CameraPose(1.5, pitch_rad=-0.06),
    "rolled": CameraPose(1.5, pitch_rad=0.05, roll_rad=0.06),
    "placed": CameraPose(1.2, pitch_rad=0.07, roll_rad=-0.03, x_m=0.8, y_m=-0.3, yaw_rad=0.1),
}


def optical_directions(points: np.ndarray, pose: CameraPose) -> np.ndarray:
    """(N, 3) points of the base frame as directions in the optical frame, by three single rotations."""
    x, y, z = (points - (pose.x_m, pose.y_m, pose.height_m)).T
    c, s = np.cos(pose.yaw_rad), np.sin(pose.yaw_rad)
    x, y = c * x + s * y, -s * x + c * y
    c, s = np.cos(pose.pitch_rad), np.sin(pose.pitch_rad)
    x, z = c * x - s * z, s * x + c * z
    c, s = np.cos(pose.roll_rad), np.sin(pose.roll_rad)
    y, z = c * y + s * z, -s * y + c * z
    return np.stack((-y, -z, x), axis=1)


def distorted(directions: np.ndarray, lens: CameraIntrinsics) -> np.ndarray:
    """(N, 2) pixels by the formulas of OpenCV's calib3d and fisheye chapters."""
    a, b = (directions[:, :2] / directions[:, 2:]).T
    if lens.model == "equidistant":
        r = np.hypot(a, b)
        theta = np.arctan(r)
        k1, k2, k3, k4 = lens.d
        scale = theta * (1 + k1 * theta**2 + k2 * theta**4 + k3 * theta**6 + k4 * theta**8) / r
        xd, yd = a * scale, b * scale
    else:
        k1, k2, p1, p2, k3, k4, k5, k6 = (*lens.d, 0, 0, 0, 0, 0, 0, 0, 0)[:8]
        r2 = a * a + b * b
        radial = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
        xd = a * radial + 2 * p1 * a * b + p2 * (r2 + 2 * a * a)
        yd = b * radial + p1 * (r2 + 2 * b * b) + 2 * p2 * a * b
    k = lens.k
    return np.stack((k[0, 0] * xd + k[0, 2], k[1, 1] * yd + k[1, 2]), axis=1)


def pixels_of(points: np.ndarray, lens: CameraIntrinsics, pose: CameraPose) -> np.ndarray:
    """(N, 2) pixels of (N, 3) points of the base frame in front of the camera."""
    return distorted(optical_directions(points, pose), lens)


def wall(lens: CameraIntrinsics, pose: CameraPose, distance_m: float) -> tuple[np.ndarray, np.ndarray]:
    """A wall across the road at x = distance_m, over the whole width of the image.

    Returns (H, W) bool, True where the road shows, and (W,) float: the exact range in metres, from the base frame's
    origin, at which each column's road ends; NaN where the wall's foot is not in the image.
    """
    y = np.linspace(-1.2, 1.2, 20001) * distance_m
    foot = np.stack((np.full_like(y, distance_m), y, np.zeros_like(y)), axis=1)
    u, v = pixels_of(foot, lens, pose).T
    in_front = np.hypot(u - lens.width / 2, v - lens.height / 2) < 1.5 * lens.width
    order = np.argsort(u[in_front])
    columns = np.arange(lens.width)
    cut = np.interp(columns, u[in_front][order], v[in_front][order], left=np.nan, right=np.nan)
    truth = np.hypot(distance_m, np.interp(columns, u[in_front][order], y[in_front][order]))
    visible = (cut > 0) & (cut < lens.height - 1)
    rows = np.arange(lens.height)[:, None]
    return rows > np.where(visible, cut, np.inf)[None, :], np.where(visible, truth, np.nan)
