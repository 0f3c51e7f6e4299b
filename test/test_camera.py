"""What the angles of a camera's pose mean, which way its axes point, and how its calibration is read."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from enet_ros.camera import CameraIntrinsics, CameraPose, load_calibration
from enet_ros.errors import ConfigError

RIGHT, DOWN, AHEAD = np.eye(3)


def test_at_zero_angles_the_camera_looks_along_x() -> None:
    rotation = CameraPose(1.5).rotation()
    assert np.allclose(rotation @ AHEAD, (1, 0, 0))
    assert np.allclose(rotation @ RIGHT, (0, -1, 0))
    assert np.allclose(rotation @ DOWN, (0, 0, -1))


def test_positive_pitch_looks_down() -> None:
    assert np.allclose(CameraPose(1.5, pitch_rad=0.1).rotation() @ AHEAD, (math.cos(0.1), 0, -math.sin(0.1)))


def test_positive_yaw_looks_left() -> None:
    assert np.allclose(CameraPose(1.5, yaw_rad=0.1).rotation() @ AHEAD, (math.cos(0.1), math.sin(0.1), 0))


def test_positive_roll_lowers_the_right_side() -> None:
    rotation = CameraPose(1.5, roll_rad=0.1).rotation()
    assert np.allclose(rotation @ RIGHT, (0, -math.cos(0.1), -math.sin(0.1)))
    # A ray through the image's right edge, at the height of its middle, now meets the ground: the horizon is above it.
    assert (rotation @ (AHEAD + 0.5 * RIGHT))[2] < 0 < (rotation @ (AHEAD - 0.5 * RIGHT))[2]


def test_angles_apply_in_the_order_yaw_pitch_roll() -> None:
    pose = CameraPose(1.5, pitch_rad=0.3, roll_rad=0.2, yaw_rad=1.0)
    ahead = pose.rotation() @ AHEAD
    assert math.atan2(ahead[1], ahead[0]) == pytest.approx(1.0)
    assert math.asin(-ahead[2]) == pytest.approx(0.3)
    assert np.allclose(pose.rotation() @ pose.rotation().T, np.eye(3))
    assert np.linalg.det(pose.rotation()) == pytest.approx(1)


def test_position_is_in_the_base_frame() -> None:
    assert CameraPose(1.5, x_m=0.7, y_m=-0.2).position().tolist() == [0.7, -0.2, 1.5]


def test_field_of_view() -> None:
    camera = CameraIntrinsics.from_fov(640, 480, math.radians(90))
    left, right = ((u - camera.k[0, 2]) / camera.k[0, 0] for u in (-0.5, 639.5))
    assert (left, right) == (pytest.approx(-1), pytest.approx(1))
    assert camera.k[0, 0] == camera.k[1, 1] and camera.k[1, 2] == 239.5


def test_cameras_are_compared_by_value() -> None:
    camera, same = (CameraIntrinsics.from_fov(640, 480, 1.0) for _ in range(2))
    assert camera == same and hash(camera) == hash(same) and {camera: 1}[same] == 1
    assert camera != CameraIntrinsics.from_fov(640, 480, 1.1)
    assert camera != CameraIntrinsics(640, 480, camera.k, (0.1,)) and camera != 640


OST = """\
image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [438.8, 0.0, 305.6, 0.0, 437.3, 243.5, 0.0, 0.0, 1.0]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.36, 0.17, 0.0001, -0.0005, 0.0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
"""


def test_a_file_of_camera_calibration(tmp_path: Path) -> None:
    file = tmp_path / "ost.yaml"
    file.write_text(OST)
    camera = load_calibration(file)
    assert (camera.width, camera.height, camera.model) == (640, 480, "plumb_bob")
    assert camera.k.tolist() == [[438.8, 0, 305.6], [0, 437.3, 243.5], [0, 0, 1]]
    assert camera.d == (-0.36, 0.17, 0.0001, -0.0005, 0.0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (OST.replace("image_width: 640\n", ""), "missing or malformed entry: 'image_width'; it needs"),
        (OST.replace("438.8, ", ""), "missing or malformed entry: cannot reshape"),
        (OST.replace("438.8", "0.0"), r"has focal lengths 0\.0, 437\.3"),
        ("[1, 2", "is not YAML"),
        ("just text", "missing or malformed entry"),
    ],
)
def test_unusable_files_say_why(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "ost.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        load_calibration(file)
    with pytest.raises(ConfigError, match="cannot read calibration .*none.yaml: No such file"):
        load_calibration(tmp_path / "none.yaml")
