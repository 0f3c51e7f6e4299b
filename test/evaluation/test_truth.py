"""The judge, judged: truths of a wall that formulas give, and errors put in by hand."""

from __future__ import annotations

import flat_scenes as scenes
import numpy as np
import pytest

from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.evaluation import metres
from enet_ros.products import lens
from enet_ros.products.free_space import find_free_space
from enet_ros.products.ground import ground
from enet_ros.products.images import Surface
from enet_ros.products.occupancy import FREE, OCCUPIED, UNKNOWN, GridSpec, grid_table, occupancy_grid
from enet_ros.products.points import boundary_xy, range_and_bearing

CAMERA = CameraIntrinsics.from_fov(480, 360, 1.1)
SPEC = GridSpec()


def seen(camera: CameraIntrinsics, pose: CameraPose, wall_m: float, kerb_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Surface and depth of a road |y| < kerb_m between pavements, ended by a wall 4 m high at x = wall_m."""
    u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    k = camera.k
    rays = np.stack(((u - k[0, 2]) / k[0, 0], (v - k[1, 2]) / k[1, 1], np.ones(u.shape)), axis=-1)
    toward = rays @ pose.rotation().T
    with np.errstate(divide="ignore"):
        to_ground = np.where(toward[..., 2] < 0, -pose.height_m / toward[..., 2], np.inf)
        to_wall = np.where(toward[..., 0] > 0, (wall_m - pose.x_m) / toward[..., 0], np.inf)
    wall_z = pose.height_m + to_wall * toward[..., 2]
    depth = np.minimum(to_ground, np.where(wall_z < 4.0, to_wall, np.inf))
    y = pose.y_m + np.where(np.isfinite(depth), depth, 0) * toward[..., 1]
    flat = np.where(np.abs(y) < kerb_m, Surface.DRIVABLE, Surface.FLAT)
    surface = np.where(depth < to_ground, Surface.UPRIGHT, flat)
    surface[~np.isfinite(depth)] = Surface.UPRIGHT
    return surface.astype(np.uint8), depth


def answer(pose: CameraPose, wall_m: float, kerb_m: float) -> tuple[np.ndarray, np.ndarray]:
    surface, _ = seen(CAMERA, pose, wall_m, kerb_m)
    here = ground(CAMERA, pose, surface.shape)
    reach, _ = range_and_bearing(boundary_xy(find_free_space(surface), here))
    return reach, occupancy_grid(surface, grid_table(here, SPEC))


POSES = [CameraPose(1.5), CameraPose(1.5, 0.08), CameraPose(1.4, 0.1, 0.05, 0.5, -0.2, 0.06)]


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize(("wall_m", "kerb_m"), [(15.04, 4.02), (35.07, 3.03), (8.03, 50.0)])
def test_exact_labels_are_nearly_right(pose: CameraPose, wall_m: float, kerb_m: float) -> None:
    fine = lens.scaled(CAMERA, CAMERA.width, 5 * CAMERA.height)
    real = metres.metric_truth(*seen(fine, pose, wall_m, kerb_m), fine, pose, SPEC)
    judge = metres.MetricJudge()
    judge.add(*answer(pose, wall_m, kerb_m), real)
    scores = judge.scores()
    # At half the size of the figures in the docs, a row is twice as coarse.
    assert scores.range_error_p95_20m < 0.04
    assert scores.range_error_p95_40m < 0.1
    assert scores.grid_agreement > 0.975
    assert scores.columns > 200
    assert scores.cells > 3000


@pytest.mark.parametrize("pose", POSES)
def test_the_truth_is_the_formula_s(pose: CameraPose) -> None:
    fine = lens.scaled(CAMERA, CAMERA.width, 5 * CAMERA.height)
    real = metres.metric_truth(*seen(fine, pose, 12.0, 3.0), fine, pose, SPEC)
    _, wall_range = scenes.wall(CAMERA, pose, 12.0)
    middle = np.isfinite(real.range_m) & np.isfinite(wall_range) & (wall_range < np.hypot(12.0, 2.5))
    assert middle.sum() > 60
    np.testing.assert_allclose(real.range_m[middle], wall_range[middle], rtol=5e-3)
    x, y = SPEC.centers().reshape(*SPEC.shape, 2).transpose(2, 0, 1)
    known = real.grid != UNKNOWN
    clear = (np.abs(np.abs(y) - 3.0) > 0.06) & (x < 11.8)
    assert (real.grid == np.where(np.abs(y) < 3.0, FREE, OCCUPIED))[known & clear].all()
    assert (real.grid[x > 12.3] == UNKNOWN).all()
    assert (real.grid[(x > 11.9) & (x < 12.1) & (np.abs(y) < 2)] == OCCUPIED).any()


def one_frame(range_m: list[float], real_m: list[float], grid: list[int], real: list[int]) -> metres.MetricScores:
    judge = metres.MetricJudge()
    cells, real_cells = (np.array([values], np.int8) for values in (grid, real))
    judge.add(np.array(range_m), cells, metres.MetricTruth(np.array(real_m), real_cells))
    return judge.scores()


def test_errors_are_relative_and_cut_by_the_true_range() -> None:
    nan = float("nan")
    scores = one_frame([10.1, 33.0, 99.0, 5.0], [10.0, 30.0, 41.0, nan], [FREE], [FREE])
    assert scores.range_error_p95_20m == pytest.approx(0.01)
    assert scores.range_error_p95_40m == pytest.approx(0.1)
    assert scores.columns == 3


def test_a_missing_answer_is_the_worst_answer() -> None:
    assert one_frame([float("nan")], [10.0], [FREE], [FREE]).range_error_p95_20m == np.inf


def test_free_where_nothing_can_be_seen_is_wrong_and_unknown_where_one_can_see_too() -> None:
    scores = one_frame(
        [1.0], [1.0], [FREE, FREE, UNKNOWN, OCCUPIED, OCCUPIED], [FREE, UNKNOWN, OCCUPIED, OCCUPIED, UNKNOWN]
    )
    assert scores.cells == 4
    assert scores.grid_agreement == 0.5


def test_nothing_to_judge_is_nan() -> None:
    scores = metres.MetricJudge().scores()
    assert np.isnan(scores[:3]).all()
    assert scores[3:] == (0, 0)
