"""Metres from pixels: a wall at a known distance, seen through every lens from every pose."""

from __future__ import annotations

from dataclasses import replace

import flat_scenes as scenes
import numpy as np
import pytest

from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.products.free_space import find_free_space
from enet_ros.products.ground import ground
from enet_ros.products.images import Surface
from enet_ros.products.lens import GeometryError, Reason
from enet_ros.products.points import boundary_xy, range_and_bearing

CASES = [(lens, pose) for lens in scenes.LENSES for pose in scenes.POSES]


def surface_of(road: np.ndarray) -> np.ndarray:
    return np.where(road, Surface.DRIVABLE, Surface.UPRIGHT).astype(np.uint8)


@pytest.mark.parametrize(("lens", "pose"), CASES)
@pytest.mark.parametrize(("distance_m", "limit"), [(6.0, 0.02), (14.0, 0.02), (20.0, 0.02), (39.0, 0.05)])
def test_range_to_a_wall(lens: str, pose: str, distance_m: float, limit: float) -> None:
    camera, placed = scenes.LENSES[lens], scenes.POSES[pose]
    road, truth = scenes.wall(camera, placed, distance_m)
    sees = np.isfinite(truth)
    assert sees.sum() > 200
    space = find_free_space(surface_of(road))
    reach, _ = range_and_bearing(boundary_xy(space, ground(camera, placed, road.shape)))
    error = np.abs(reach - truth)[sees] / truth[sees]
    # Half a row is the most a mask can tell; the fisheye's rows are twice as coarse.
    assert np.percentile(error, 95) <= limit * (2 if lens == "equidistant" else 1)
    # The estimate is unbiased: the boundary is the edge between two rows, not the centre of one.
    assert abs(np.median((reach - truth)[sees] / truth[sees])) <= limit / 2


@pytest.mark.parametrize(("lens", "pose"), CASES)
def test_points_and_pixels_are_inverse_and_right(lens: str, pose: str) -> None:
    camera, placed = scenes.LENSES[lens], scenes.POSES[pose]
    here = ground(camera, placed, (camera.height, camera.width), max_range_m=40.0)
    edges, columns = (part.ravel() for part in np.meshgrid(np.arange(0, 721, 20), np.arange(0, 960, 30)))
    xy = here.points(edges, columns)
    told = np.isfinite(xy[:, 0])
    assert 0.15 < told.mean() < 0.95
    back = scenes.pixels_of(np.column_stack((xy[told], np.zeros(told.sum()))), camera, placed)
    np.testing.assert_allclose(back, np.column_stack((columns, edges - 0.5))[told], atol=0.02)
    pixels, inside = here.pixels(xy[told])
    np.testing.assert_allclose(pixels[inside], back[inside], atol=1e-6)
    on_border = edges[told] == camera.height
    assert inside[~on_border].all()


def test_at_and_above_the_horizon_there_are_no_metres() -> None:
    camera = scenes.LENSES["ideal"]
    here = ground(camera, CameraPose(1.5), (720, 960), max_range_m=1e9)
    horizon = int(scenes.K[1, 2] + 0.5)  # the edge at v = cy looks straight ahead
    rows = np.array([0, 200, horizon - 1, horizon])
    assert np.isnan(here.points(rows, np.full(4, 500))).all()
    assert np.isfinite(here.points(np.array([horizon + 2]), np.array([500]))).all()


def test_beyond_max_range_there_are_no_metres() -> None:
    camera = scenes.LENSES["ideal"]
    near, far = (ground(camera, CameraPose(1.5), (720, 960), max_range_m=m) for m in (30.0, 60.0))
    edge = np.array([round(scenes.K[1, 2] + 0.5 + scenes.K[1, 1] * 1.5 / 45)])
    assert np.isnan(near.points(edge, np.array([476]))).all()
    np.testing.assert_allclose(far.points(edge, np.array([476]))[0], [45, 0], rtol=0.02, atol=0.1)


def test_a_smaller_mask_tells_the_same_metres() -> None:
    camera, pose = scenes.LENSES["plumb_bob"], scenes.POSES["down"]
    full, half = ground(camera, pose, (720, 960)), ground(camera, pose, (360, 480))
    # Edge 2r of the full image is edge r of the half one; the centre between columns 2c and 2c + 1 is column c.
    rows, columns = np.full(200, 300), np.arange(100, 300)
    between = (full.points(2 * rows, 2 * columns) + full.points(2 * rows, 2 * columns + 1)) / 2
    np.testing.assert_allclose(half.points(rows, columns), between, rtol=1e-3)


def test_rays_are_shared_by_all_poses_of_a_calibration() -> None:
    camera = scenes.LENSES["rational_polynomial"]
    first = ground(camera, CameraPose(1.5), (720, 960))
    again = ground(replace(camera, k=camera.k.copy()), CameraPose(1.4, 0.02), (720, 960))
    assert first.edge_rays is again.edge_rays


UP = CameraPose(1.5, pitch_rad=-0.6)


@pytest.mark.parametrize(
    ("camera", "pose", "reason"),
    [
        (None, CameraPose(1.5), Reason.NO_CAMERA_INFO),
        (CameraIntrinsics(960, 720, np.zeros((3, 3))), CameraPose(1.5), Reason.UNCALIBRATED),
        (scenes.LENSES["ideal"], None, Reason.NO_POSE),
        (scenes.LENSES["ideal"], CameraPose(float("nan")), Reason.NOT_FINITE),
        (scenes.LENSES["ideal"], CameraPose(1.5, yaw_rad=float("inf")), Reason.NOT_FINITE),
        (scenes.LENSES["ideal"], CameraPose(0.0), Reason.NO_GROUND),
        (scenes.LENSES["ideal"], CameraPose(-1.5), Reason.NO_GROUND),
        (scenes.LENSES["ideal"], UP, Reason.NO_GROUND),
        (scenes.LENSES["equidistant"], replace(UP, pitch_rad=-1.4), Reason.NO_GROUND),
    ],
)
def test_why_there_are_no_metres(camera: CameraIntrinsics | None, pose: CameraPose | None, reason: Reason) -> None:
    with pytest.raises(GeometryError) as caught:
        ground(camera, pose, (720, 960))
    assert caught.value.reason is reason
    assert str(caught.value).startswith(reason.value)
