"""The grid against scenes whose ground truth is a formula."""

from __future__ import annotations

import flat_scenes as scenes
import numpy as np
import pytest

from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.errors import ConfigError, ImageError
from enet_ros.products.ground import ground
from enet_ros.products.images import Surface
from enet_ros.products.occupancy import FREE, OCCUPIED, UNKNOWN, GridSpec, grid_table, occupancy_grid

SPEC = GridSpec()
SIZE = (720, 960)


def grid_of(surface: np.ndarray, lens: str, pose: str, spec: GridSpec = SPEC) -> np.ndarray:
    here = ground(scenes.LENSES[lens], scenes.POSES[pose], surface.shape)
    return occupancy_grid(surface, grid_table(here, spec))


def in_image(
    camera: CameraIntrinsics, pose: CameraPose, centers: np.ndarray, columns: np.ndarray | None = None
) -> np.ndarray:
    """(N,) bool: the cells whose centre is in the image, in one of the columns asked for (all by default)."""
    points = np.column_stack((centers, np.zeros(len(centers))))
    ahead = scenes.optical_directions(points, pose)[:, 2] > 0.1
    u, v = scenes.pixels_of(points, camera, pose).T
    inside = ahead & (u > 0) & (u < camera.width - 1) & (v > 0) & (v < camera.height - 1)
    if columns is not None:
        inside[inside] = columns[np.round(u[inside]).astype(int)]
    return inside


def test_cells_and_their_centres() -> None:
    spec = GridSpec(0.5, 4.0, 2.0, x_min_m=1.0)
    assert spec.shape == (4, 8)
    assert spec.origin == (1.0, -1.0)
    centers = spec.centers().reshape(4, 8, 2)
    np.testing.assert_allclose(centers[0, 0], [1.25, -0.75])
    np.testing.assert_allclose(centers[3, 7], [4.75, 0.75])
    np.testing.assert_allclose(centers[0, 7] - centers[0, 0], [3.5, 0])


@pytest.mark.parametrize("pose", scenes.POSES)
@pytest.mark.parametrize("lens", scenes.LENSES)
def test_a_wall_across_the_road(lens: str, pose: str) -> None:
    camera, placed = scenes.LENSES[lens], scenes.POSES[pose]
    road, truth = scenes.wall(camera, placed, 12.0)
    grid = grid_of(np.where(road, Surface.DRIVABLE, Surface.UPRIGHT).astype(np.uint8), lens, pose)
    x, _ = SPEC.centers().reshape(*SPEC.shape, 2).transpose(2, 0, 1)
    # A lens of more than 100 degrees looks past the ends of the wall; what is there is not the question.
    columns = np.convolve(np.isfinite(truth), np.ones(81), "same") == 81
    seen = in_image(camera, placed, SPEC.centers(), columns if lens == "equidistant" else None).reshape(SPEC.shape)
    margin = 0.35 if lens == "equidistant" else 0.25  # an image row at 12 m, and half a cell
    assert (grid[seen & (x < 12.0 - margin)] == FREE).all()
    assert (grid[x > 12.0 + SPEC.obstacle_depth_m + margin + SPEC.resolution_m] == UNKNOWN).all()
    foot = seen & (x > 12.0 + SPEC.resolution_m) & (x < 12.0 + SPEC.obstacle_depth_m - SPEC.resolution_m)
    assert (grid[foot] == OCCUPIED).mean() > 0.95
    assert (grid[~in_image(camera, placed, SPEC.centers()).reshape(SPEC.shape) & (x < 1.0)] == UNKNOWN).mean() > 0.9


@pytest.mark.parametrize("pose", ["level", "rolled", "placed"])
def test_a_pavement_beside_the_road_is_seen_to_its_end(pose: str) -> None:
    camera, placed = scenes.LENSES["plumb_bob"], scenes.POSES[pose]
    surface = np.full(SIZE, Surface.UPRIGHT, np.uint8)
    here = ground(camera, placed, SIZE)
    rows, columns = np.indices(SIZE)
    y = here.points(rows.ravel(), columns.ravel())[:, 1].reshape(SIZE)
    surface[np.isfinite(y)] = np.where(np.abs(y[np.isfinite(y)]) < 3.0, Surface.DRIVABLE, Surface.FLAT)
    grid = occupancy_grid(surface, grid_table(here, SPEC))
    _, lateral = SPEC.centers().reshape(*SPEC.shape, 2).transpose(2, 0, 1)
    seen = in_image(camera, placed, SPEC.centers()).reshape(SPEC.shape)
    clear = np.abs(np.abs(lateral) - 3.0) > 0.1
    truth = np.where(np.abs(lateral) < 3.0, FREE, OCCUPIED)
    assert (grid == truth)[seen & clear].all()
    assert seen.mean() > 0.5


def test_ground_seen_beyond_an_obstacle_is_told() -> None:
    """Road, a car's foot 6 m ahead, road again behind it (seen over or under it), then a wall."""
    camera, pose = scenes.LENSES["ideal"], scenes.POSES["level"]
    rows = np.arange(720)

    def row_of(x: float) -> int:
        return round(float(scenes.pixels_of(np.array([[x, 0.0, 0.0]]), camera, pose)[0, 1]))

    surface = np.full(SIZE, Surface.DRIVABLE, np.uint8)
    surface[(rows <= row_of(6.0)) & (rows > row_of(9.0))] = Surface.UPRIGHT
    surface[rows <= row_of(15.0)] = Surface.UPRIGHT
    grid = grid_of(surface, "ideal", "level")
    ahead = grid[SPEC.shape[0] // 2]

    def at(x: float) -> int:
        return int(ahead[round(x / SPEC.resolution_m)])

    assert [at(x) for x in (5.5, 6.2, 7.5, 8.5, 11.0, 14.0)] == [FREE, OCCUPIED, UNKNOWN, UNKNOWN, FREE, FREE]
    assert [at(x) for x in (17.0, 19.0)] == [UNKNOWN, UNKNOWN]
    assert OCCUPIED in [at(x / 10) for x in range(148, 158)]


def test_void_and_unsure_are_unknown() -> None:
    surface = np.full(SIZE, Surface.UNKNOWN, np.uint8)
    assert (grid_of(surface, "ideal", "level") == UNKNOWN).all()


def test_an_obstacle_that_fills_the_image_is_at_its_lower_edge() -> None:
    surface = np.full(SIZE, Surface.UPRIGHT, np.uint8)
    grid = grid_of(surface, "ideal", "level")
    columns = np.flatnonzero((grid == OCCUPIED).any(axis=0))
    nearest = 1.5 * scenes.K[1, 1] / (719.5 - scenes.K[1, 2])
    assert columns.min() * SPEC.resolution_m == pytest.approx(nearest, abs=0.1)
    assert columns.max() * SPEC.resolution_m <= nearest * 1.5
    assert not (grid == FREE).any()


def test_only_three_values_and_row_major() -> None:
    surface = np.random.default_rng(0).integers(0, 4, SIZE).astype(np.uint8)
    grid = grid_of(surface, "plumb_bob", "rolled")
    assert grid.dtype == np.int8
    assert grid.flags.c_contiguous
    assert grid.shape == SPEC.shape
    assert set(np.unique(grid)) == {UNKNOWN, FREE, OCCUPIED}


def test_the_table_is_made_once() -> None:
    here = ground(scenes.LENSES["ideal"], scenes.POSES["level"], SIZE)
    assert grid_table(here, SPEC) is grid_table(here, GridSpec())


@pytest.mark.parametrize(
    "values",
    [
        {"resolution_m": 0.0},
        {"length_m": float("nan")},
        {"width_m": -1.0},
        {"x_min_m": float("inf")},
        {"resolution_m": 0.0001},
        {"resolution_m": 30.0},
        {"length_m": 4000.0},
    ],
)
def test_a_senseless_grid_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="grid"):
        GridSpec(**values)


def test_an_image_of_another_size_is_refused() -> None:
    here = ground(scenes.LENSES["ideal"], scenes.POSES["level"], SIZE)
    with pytest.raises(ImageError, match="size"):
        occupancy_grid(np.zeros((360, 480), np.uint8), grid_table(here, SPEC))
