"""Pitch and roll from the street's lines, where both are known."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
import pytest

from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.classes import CAMVID
from enet_ros.products import lens
from enet_ros.products.vanishing import Sight, look, tilt
from enet_ros.street import Street

FLAT = CAMVID.membership(CAMVID.flat)
UPRIGHT = CAMVID.membership(["building", "pole", "sign", "fence"])
IDEAL = lens.checked(CameraIntrinsics.from_fov(640, 480, math.radians(64)))
TURNED = CameraPose(1.4, 0.08, 0.05, yaw_rad=0.1)
ODD = lens.checked(CameraIntrinsics(640, 480, np.array([[490.0, 0, 340], [0, 510.0, 225], [0, 0, 1]])))


@lru_cache
def sights(pose: CameraPose, camera: CameraIntrinsics) -> list[Sight]:
    street = Street(3, pose=pose, intrinsics=camera)
    drawn = [street.frame(25 * index) for index in range(4)]
    found = [look(frame.image, frame.labels, camera, FLAT, UPRIGHT) for frame in drawn]
    return [sight for sight in found if sight is not None]


@pytest.mark.parametrize(
    ("pose", "camera"),
    [
        (CameraPose(1.2, -0.02, -0.03, yaw_rad=-0.05), IDEAL),
        (TURNED, ODD),
    ],
    ids=["ideal", "odd"],
)
def test_the_street_tells_the_tilt(pose: CameraPose, camera: CameraIntrinsics) -> None:
    found = sights(pose, camera)
    assert len(found) == 4
    answer = tilt(found)
    assert abs(answer.pitch_rad - pose.pitch_rad) < math.radians(0.1)
    assert abs(answer.roll_rad - pose.roll_rad) < math.radians(0.2)
    assert answer.pitch_spread_rad < math.radians(0.1) and answer.roll_spread_rad < math.radians(0.4)


def test_without_upright_edges_the_roll_is_unknown_and_the_pitch_takes_what_it_is_given() -> None:
    pose = TURNED
    bare = [sight._replace(rolls=np.empty(0), lengths=np.empty(0)) for sight in sights(pose, ODD)]
    level, told = tilt(bare), tilt(bare, pose.roll_rad)
    assert math.isnan(level.roll_rad) and math.isnan(told.roll_spread_rad)
    assert abs(told.pitch_rad - pose.pitch_rad) < math.radians(0.1) < abs(level.pitch_rad - pose.pitch_rad)


def test_what_is_no_street_tells_nothing() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    camera = lens.checked(CameraIntrinsics.from_fov(320, 240, 1.0))
    road = np.full((240, 320), CAMVID.index("road"), np.uint8)
    assert look(noise, road, camera, FLAT, UPRIGHT) is None
    assert look(np.zeros_like(noise), road, camera, FLAT, UPRIGHT) is None
    bars = noise * 0
    for row in range(20, 240, 40):  # a zebra crossing: lines that meet nowhere ahead
        cv2.rectangle(bars, (20, row), (300, row + 15), (255, 255, 255), -1)
    assert look(bars, road, camera, FLAT, UPRIGHT) is None
