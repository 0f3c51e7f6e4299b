"""Points of a wall at a known distance, and of nothing else."""

from __future__ import annotations

import flat_scenes as scenes
import numpy as np
import pytest

from enet_ros.products.free_space import FreeSpace, find_free_space
from enet_ros.products.ground import ground
from enet_ros.products.images import Surface
from enet_ros.products.points import boundary_xy, free_points, obstacle_points, range_and_bearing


def points_of(surface: np.ndarray, lens: str, pose: str, max_range_m: float = 40.0) -> np.ndarray:
    space = find_free_space(surface)
    here = ground(scenes.LENSES[lens], scenes.POSES[pose], surface.shape)
    return obstacle_points(space, boundary_xy(space, here), max_range_m)


@pytest.mark.parametrize("pose", scenes.POSES)
@pytest.mark.parametrize("lens", scenes.LENSES)
def test_a_wall_is_where_it_stands(lens: str, pose: str) -> None:
    camera, placed = scenes.LENSES[lens], scenes.POSES[pose]
    road, truth = scenes.wall(camera, placed, 10.0)
    points = points_of(np.where(road, Surface.DRIVABLE, Surface.UPRIGHT).astype(np.uint8), lens, pose)
    assert points.dtype == np.float32
    assert points.shape[1] == 3
    assert len(points) >= np.isfinite(truth).sum()
    on_wall = np.abs(points[:, 0] - 10.0) < 0.25
    assert on_wall.sum() >= 0.98 * np.isfinite(truth).sum()
    np.testing.assert_allclose(points[:, 2], 0.2)


def test_points_lie_beyond_no_limit() -> None:
    road, _ = scenes.wall(scenes.LENSES["ideal"], scenes.POSES["level"], 10.0)
    surface = np.where(road, Surface.DRIVABLE, Surface.FLAT).astype(np.uint8)
    assert len(points_of(surface, "ideal", "level", max_range_m=9.0)) == 0
    near = points_of(surface, "ideal", "level", max_range_m=10.5)
    assert 0 < len(near) < 960
    assert np.hypot(near[:, 0], near[:, 1]).max() <= 10.5


@pytest.mark.parametrize("above", [Surface.DRIVABLE, Surface.UNKNOWN])
def test_an_open_or_unknown_end_is_no_obstacle(above: Surface) -> None:
    road, _ = scenes.wall(scenes.LENSES["ideal"], scenes.POSES["level"], 10.0)
    assert len(points_of(np.where(road, Surface.DRIVABLE, above).astype(np.uint8), "ideal", "level")) == 0


def test_free_points_end_at_the_wall_or_at_the_limit() -> None:
    camera, pose = scenes.LENSES["plumb_bob"], scenes.POSES["placed"]
    here = ground(camera, pose, (720, 960))
    road, truth = scenes.wall(camera, pose, 10.0)
    seen = np.isfinite(truth)
    space = find_free_space(np.where(road, Surface.DRIVABLE, Surface.UPRIGHT).astype(np.uint8))
    at_wall = free_points(space, here, max_range_m=40.0)
    np.testing.assert_allclose(at_wall[:, 0], 10.0, atol=0.25)
    assert len(at_wall) == seen.sum()
    cut = free_points(space, here, max_range_m=8.0)
    reach = np.hypot(cut[:, 0], cut[:, 1])
    assert reach.max() <= 8.0
    assert reach.min() > 7.8
    open_road = find_free_space(np.zeros((720, 960), np.uint8))
    reach = np.hypot(*free_points(open_road, here, max_range_m=20.0)[:, :2].T)
    assert len(reach) == 960
    assert 19.0 < reach.min() <= reach.max() <= 20.0


def test_a_column_that_is_not_free_has_no_free_point() -> None:
    here = ground(scenes.LENSES["ideal"], scenes.POSES["level"], (720, 960))
    blocked = find_free_space(np.full((720, 960), Surface.UNKNOWN, np.uint8))
    assert free_points(blocked, here, 40.0).shape == (0, 3)


def test_ranges_and_bearings_are_polar() -> None:
    xy = np.array([[3.0, 4.0], [2.0, -2.0], [np.nan, np.nan]])
    reach, bearing = range_and_bearing(xy)
    np.testing.assert_allclose(reach, [5.0, 2.828427, np.nan], rtol=1e-6)
    np.testing.assert_allclose(bearing, [np.arctan2(4, 3), -np.pi / 4, np.nan], rtol=1e-6)
    assert reach.dtype == bearing.dtype == np.float32


def test_a_column_without_road_ends_where_the_image_begins() -> None:
    camera, pose = scenes.LENSES["ideal"], scenes.POSES["level"]
    space = FreeSpace(np.full(960, 720, np.int32), np.full(960, Surface.UPRIGHT, np.uint8))
    xy = boundary_xy(space, ground(camera, pose, (720, 960)))
    np.testing.assert_allclose(xy[476, 0], 1.5 * scenes.K[1, 1] / (719.5 - scenes.K[1, 2]), rtol=1e-6)
