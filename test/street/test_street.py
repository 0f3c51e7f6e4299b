"""The synthetic street: its truth is checked against geometry worked out here, from intrinsics and pose alone."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.classes import CAMVID
from enet_ros.errors import ConfigError
from enet_ros.street import Street, StreetFrame

LANE_Y = -1.7
KERB_Y = 5.4
FLAT = tuple(CAMVID.index(name) for name in ("road", "pavement"))
SKY = CAMVID.index("sky")
POSES = [
    CameraPose(1.5, pitch_rad=0.04),
    CameraPose(1.5),
    CameraPose(2.4, pitch_rad=0.15, roll_rad=0.06, x_m=1.2, y_m=0.5, yaw_rad=-0.1),
    CameraPose(0.5, pitch_rad=-0.05, yaw_rad=0.12),
]


@pytest.fixture(scope="module")
def street() -> Street:
    return Street(seed=0, width=320, height=240)


@pytest.fixture(scope="module")
def frames(street: Street) -> list[StreetFrame]:
    return [street.frame(index) for index in (0, 45, 90, 200)]


def points(street: Street, frame: StreetFrame) -> np.ndarray:
    """(H, W, 3): what every pixel sees, in the base frame, from depth, K and pose."""
    v, u = np.indices(frame.labels.shape)
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(street.intrinsics.k).T
    with np.errstate(invalid="ignore"):
        return (frame.depth_m[..., None] * rays) @ street.pose.rotation().T + street.pose.position()


def footprint_m(street: Street, frame: StreetFrame) -> np.ndarray:
    """(H, W): height of a pixel at its depth, metres."""
    return frame.depth_m / street.intrinsics.k[1, 1]


def test_types_and_shapes(frames: list[StreetFrame]) -> None:
    for frame in frames:
        assert frame.image.shape == (240, 320, 3) and frame.image.dtype == np.uint8
        assert frame.labels.shape == (240, 320) and frame.labels.dtype == np.uint8
        assert frame.depth_m.shape == frame.range_m.shape == (240, 320)
        assert frame.depth_m.dtype == frame.range_m.dtype == np.float32


def test_frames_follow_the_clock(street: Street) -> None:
    drive = [street.frame(index) for index in range(4)]
    assert [frame.index for frame in drive] == [0, 1, 2, 3]
    assert [frame.stamp_ns for frame in drive] == [0, 33_333_333, 66_666_667, 100_000_000]
    assert drive[3].driven_m == pytest.approx(0.8)


def test_two_streets_of_a_seed_are_the_same_in_any_order(street: Street, frames: list[StreetFrame]) -> None:
    again = Street(seed=0, width=320, height=240)
    for frame in reversed(frames):
        other = again.frame(frame.index)
        assert np.array_equal(other.image, frame.image) and np.array_equal(other.labels, frame.labels)
        assert np.array_equal(other.depth_m, frame.depth_m)


def test_another_seed_is_another_street(frames: list[StreetFrame]) -> None:
    other = Street(seed=1, width=320, height=240).frame(0)
    assert (other.labels != frames[0].labels).mean() > 0.05


def test_a_frame_is_the_callers(street: Street) -> None:
    frame = street.frame(5)
    image, labels = frame.image.copy(), frame.labels.copy()
    street.frame(6)
    assert np.array_equal(frame.image, image) and np.array_equal(frame.labels, labels)
    frame.image[:] = 0
    assert np.array_equal(street.frame(5).image, image)


def test_every_class_is_seen_and_nothing_else(street: Street) -> None:
    counts = sum(np.bincount(street.frame(index).labels.ravel(), minlength=256) for index in range(0, 360, 30))
    assert counts[len(CAMVID.names) :].sum() == 0
    share = dict(zip(CAMVID.names, counts / counts.sum(), strict=False))
    assert all(share[name] > 0.0003 for name in CAMVID.names), share
    assert share["road"] > 0.2 and share["sky"] > 0.1 and share["building"] > 0.1 and share["car"] > 0.01


@pytest.mark.parametrize("pose", POSES)
def test_truth_is_exact_for_any_pose(pose: CameraPose) -> None:
    street = Street(seed=2, width=241, height=179, pose=pose)
    for index in (0, 77):
        frame = street.frame(index)
        seen = points(street, frame)
        lateral = np.abs(seen[..., 1] + LANE_Y)
        flat = np.isin(frame.labels, FLAT)
        assert np.abs(seen[flat][:, 2]).max() < 1e-3
        assert lateral[frame.labels == CAMVID.index("road")].max() < KERB_Y + 1e-4
        assert lateral[frame.labels == CAMVID.index("pavement")].min() >= KERB_Y - 1e-4
        assert np.array_equal(np.isinf(frame.depth_m), frame.labels == SKY)
        solid = ~flat & (frame.labels != SKY)
        below = -seen[..., 2][solid] / footprint_m(street, frame)[solid]
        assert below.max() < 0.5, "something reaches below the ground by more than a pixel's rounding"
        assert frame.depth_m.min() > 0.3


def test_range_is_measured_along_the_ground(street: Street, frames: list[StreetFrame]) -> None:
    for frame in frames:
        seen = points(street, frame)
        known = frame.labels != SKY
        expected = np.hypot(seen[..., 0], seen[..., 1])[known]
        assert np.allclose(frame.range_m[known], expected, rtol=1e-4)


def test_things_stand_on_the_ground(street: Street) -> None:
    """Where the car ahead meets the road, the last road below it and the car are equally far, to a pixel."""
    columns = 0
    for index in range(0, 300, 20):
        frame = street.frame(index)
        row_m = np.abs(np.diff(np.where(frame.labels == SKY, 1e3, frame.range_m), axis=0))
        for column in range(150, 170):
            flat = np.isin(frame.labels[:, column], FLAT)
            top = 240 - int(np.argmin(flat[::-1]))  # the first row of the run that begins at the bottom
            if frame.labels[top - 1, column] != CAMVID.index("car"):
                continue
            columns += 1
            gap = frame.range_m[top - 1, column] - frame.range_m[top, column]
            assert -0.5 * row_m[top, column] < gap < 1.5 * row_m[top, column], (index, column)
    assert columns > 100


def test_what_stands_still_moves_as_the_camera_does(street: Street) -> None:
    """Points of frame 60 carried into frame 66 by the distance driven meet the same surface and colour."""
    first, later = street.frame(60), street.frame(66)
    seen = points(street, first)
    still = np.isin(first.labels, [CAMVID.index(name) for name in ("building", "road", "pavement", "fence")])
    still &= first.depth_m < 40
    moved = seen[still] - (later.driven_m - first.driven_m, 0, 0) - street.pose.position()
    optical = moved @ street.pose.rotation()
    pixels = optical @ street.intrinsics.k.T
    u, v = (np.rint(pixels[:, axis] / pixels[:, 2]).astype(int) for axis in (0, 1))
    inside = (optical[:, 2] > 1) & (u >= 0) & (u < 320) & (v >= 0) & (v < 240)
    u, v, depth = u[inside], v[inside], optical[inside, 2]
    same = np.abs(later.depth_m[v, u] / depth - 1) < 0.05
    assert same.mean() > 0.93  # the rest is hidden now
    assert (later.labels[v, u] == first.labels[still][inside])[same].mean() > 0.98
    before, after = (cv2.GaussianBlur(frame.image, (0, 0), 1.5).mean(2) for frame in (first, later))
    assert np.corrcoef(before[still][inside][same], after[v, u][same])[0, 1] > 0.9


def test_the_horizon_follows_the_pitch() -> None:
    rows = []
    for pitch in (0.0, 0.1):
        street = Street(seed=0, width=160, height=120, pose=CameraPose(1.5, pitch_rad=pitch))
        frame = street.frame(0)
        far = np.isin(frame.labels, FLAT).any(1)
        rows.append(int(np.argmax(far)))
        horizon = street.intrinsics.k[1, 2] - street.intrinsics.k[1, 1] * math.tan(pitch)
        assert horizon < rows[-1] < horizon + 0.1 * 120
    assert rows[1] < rows[0]


def test_a_camera_of_ones_own() -> None:
    k = np.array([[200.0, 0, 150], [0, 210.0, 90], [0, 0, 1]])
    street = Street(seed=0, intrinsics=CameraIntrinsics(300, 200, k))
    frame = street.frame(10)
    assert frame.image.shape == (200, 300, 3)
    road = frame.labels == CAMVID.index("road")
    assert np.abs(points(street, frame)[road][:, 2]).max() < 1e-3


def test_pictures_have_contrast_and_texture(frames: list[StreetFrame]) -> None:
    for frame in frames:
        grey = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)
        assert 80 < grey.mean() < 190 and grey.std() > 35
        road = frame.labels == CAMVID.index("road")
        assert 3 < grey[road].std() < 60
        sky = frame.labels == SKY
        assert grey[sky].mean() > grey[road].mean() + 40


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, r"0x48 pixels.*16\.\.4096"),
        ({"height": 99999}, r"64x99999"),
        ({"fps": 0.0}, r"0\.0 frames a second"),
        ({"pose": CameraPose(1.5, yaw_rad=1.5)}, r"yaw 1\.5.*forward"),
        ({"pose": CameraPose(1.5, pitch_rad=1.5)}, r"pitch 1\.5.*forward"),
        ({"pose": CameraPose(-1.0)}, r"height -1\.0.*0\.2\.\.10"),
        ({"pose": CameraPose(1.5, y_m=20.0)}, r"y 20\.0"),
        (
            {"intrinsics": CameraIntrinsics(64, 48, np.diag([50.0, 50, 1]), (0.1, 0, 0, 0, 0))},
            r"distortion.*leave d empty",
        ),
    ],
)
def test_bad_arguments(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Street(**{"width": 64, "height": 48, **options})  # type: ignore[arg-type]


def test_frames_count_from_zero(street: Street) -> None:
    with pytest.raises(ConfigError, match="frame -1"):
        street.frame(-1)
