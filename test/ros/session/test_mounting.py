"""Which lens and which place the demo's camera has."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from enet_ros.camera import CameraPose
from enet_ros.errors import ConfigError
from enet_ros.frames import Source
from enet_ros.frames.street import from_street

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from enet_ros.ros.session.mounting import mounting

STREET = from_street(1)
BAG = replace(STREET, pose=None)
WEBCAM = replace(BAG, calibration=None)
DEG = math.pi / 180


@pytest.mark.parametrize(
    ("source", "given", "fov_deg", "pose", "assumed"),
    [
        (WEBCAM, (None, None, None), 60, CameraPose(1.3), "60 degrees wide, 1.3 m above the ground, looking level"),
        (WEBCAM, (75, 0.4, 10), 75, CameraPose(0.4, 10 * DEG), ""),
        (WEBCAM, (None, 0, None), 0, CameraPose(0), ""),
        (WEBCAM, (70, 0, None), 70, CameraPose(0), ""),
        (BAG, (None, None, None), 0, CameraPose(1.3), "1.3 m above the ground, looking level"),
        (STREET, (None, None, None), 0, STREET.pose, ""),
        (STREET, (50, None, -2), 50, CameraPose(1.5, -2 * DEG), ""),
    ],
)
def test_what_is_given_comes_first_and_what_is_assumed_last(
    source: Source, given: tuple[float | None, ...], fov_deg: float, pose: CameraPose, assumed: str
) -> None:
    found = mounting(source, *given)
    assert found.fov_rad == pytest.approx(fov_deg * DEG)
    assert (found.pose.height_m, found.pose.pitch_rad) == pytest.approx((pose.height_m, pose.pitch_rad))
    assert found.assumed == assumed


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ((180, None, None), "--fov 180: use degrees between 0 and 180"),
        ((None, -0.1, None), "--height -0.1 --pitch-deg 0: use 0 to 1000 m"),
        ((None, None, math.nan), "--pitch-deg nan: use .* -90 to 90"),
    ],
)
def test_what_no_camera_has_is_refused(given: tuple[float | None, ...], error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        mounting(WEBCAM, *given)
