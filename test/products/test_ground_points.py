"""The organised cloud: pixel by pixel the ground that the formulas give, and nothing where there is none."""

from __future__ import annotations

import flat_scenes as scenes
import numpy as np
import pytest

from enet_ros.errors import ImageError
from enet_ros.products.ground import ground
from enet_ros.products.images import Surface
from enet_ros.products.points import FOOT_ROWS, ground_points

SIZE = (720, 960)


@pytest.mark.parametrize("pose", scenes.POSES)
@pytest.mark.parametrize("lens", scenes.LENSES)
def test_every_ground_pixel_is_where_it_projects_from(lens: str, pose: str) -> None:
    camera, placed = scenes.LENSES[lens], scenes.POSES[pose]
    points = ground_points(np.zeros(SIZE, np.uint8), ground(camera, placed, SIZE, max_range_m=40.0))
    assert points.shape == (*SIZE, 3)
    assert points.dtype == np.float32
    rows, columns = np.nonzero(np.isfinite(points[..., 0]))
    assert 0.15 < len(rows) / points[..., 0].size < 0.95
    some = np.random.default_rng(0).integers(0, len(rows), 500)
    rows, columns = rows[some], columns[some]
    back = scenes.pixels_of(points[rows, columns].astype(np.float64), camera, placed)
    np.testing.assert_allclose(back, np.column_stack((columns, rows)), atol=0.05)
    assert (points[rows, columns, 2] == 0).all()


def test_upright_things_leave_their_foot_and_unknown_ones_nothing() -> None:
    surface = np.full(SIZE, Surface.DRIVABLE, np.uint8)
    surface[:600, :300] = Surface.UPRIGHT
    surface[:, 300:400] = Surface.UNKNOWN
    surface[650:, 500:520] = Surface.UPRIGHT
    surface[500:, 600:700] = Surface.FLAT
    here = ground(scenes.LENSES["ideal"], scenes.POSES["level"], SIZE)
    told = np.isfinite(ground_points(surface, here)).all(axis=2)
    everywhere = np.isfinite(ground_points(np.zeros(SIZE, np.uint8), here)).all(axis=2)
    assert not told[: 600 - FOOT_ROWS, :300].any()
    assert told[600 - FOOT_ROWS :, :300].all()
    assert not told[:, 300:400].any()
    assert told[720 - FOOT_ROWS :, 500:520].all()
    assert not told[650 : 720 - FOOT_ROWS, 500:520].any()
    np.testing.assert_array_equal(told[:, 520:], everywhere[:, 520:])


def test_another_size_is_refused() -> None:
    with pytest.raises(ImageError, match="surface"):
        ground_points(np.zeros((360, 480), np.uint8), ground(scenes.LENSES["ideal"], scenes.POSES["level"], SIZE))
