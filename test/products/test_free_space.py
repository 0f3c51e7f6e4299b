"""Free space against a reading of its definition, column by column and pixel by pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from enet_ros.errors import ConfigError, ImageError
from enet_ros.products.free_space import find_free_space
from enet_ros.products.images import Surface

D, F, U, N = Surface.DRIVABLE, Surface.FLAT, Surface.UPRIGHT, Surface.UNKNOWN


def column(*from_bottom: tuple[int, int]) -> np.ndarray:
    """(H, 1) surface image from (value, rows) read from the bottom upward."""
    values = [value for value, rows in from_bottom for _ in range(rows)]
    return np.array(values[::-1], np.uint8)[:, None]


def by_definition(surface: np.ndarray, min_run: int) -> np.ndarray:
    height, width = surface.shape
    rows = np.empty(width, int)
    for c in range(width):
        row = height
        while row > 0:
            run = 0
            while row - run > 0 and surface[row - 1 - run, c] != D:
                run += 1
            if run >= min_run or (run and row - run == 0):
                break
            row -= max(run, 1)
        rows[c] = row
    return rows


@pytest.mark.parametrize("min_run", [1, 2, 5, 9])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
def test_random_images(min_run: int, share: float) -> None:
    rng = np.random.default_rng(int(100 * share) + min_run)
    surface = np.where(rng.random((60, 80)) < share, rng.integers(1, 4, (60, 80)), D).astype(np.uint8)
    surface = np.repeat(surface, rng.integers(1, 4, 60), axis=0)
    space = find_free_space(surface, min_run)
    np.testing.assert_array_equal(space.boundary_row, by_definition(surface, min_run))
    assert space.boundary_row.dtype == np.int32


@pytest.mark.parametrize(
    ("pixels", "boundary_row", "ends"),
    [
        (column((D, 30), (U, 20), (D, 10)), 30, U),
        (column((D, 30), (F, 5), (D, 25)), 30, F),
        (column((D, 60)), 0, D),  # nothing ends it
        (column((U, 60)), 60, U),  # no drivable pixel at all
        (column((U, 4), (D, 36), (U, 20)), 20, U),  # a speck at the bottom
        (column((D, 20), (U, 4), (D, 20), (U, 16)), 16, U),  # a speck on the way
        (column((D, 57), (U, 3)), 3, U),  # an obstacle cut by the upper border is no speck
        (column((D, 30), (N, 30)), 30, N),  # nothing is known of what follows
        (column((D, 30), (N, 3), (U, 27)), 30, U),  # an obstacle behind a band of doubt
        (column((D, 30), (N, 12), (U, 18)), 30, N),  # too wide a band to look through
        (column((D, 30), (F, 2), (U, 28)), 30, F),  # a kerb, then a wall
    ],
)
def test_one_column(pixels: np.ndarray, boundary_row: int, ends: Surface) -> None:
    space = find_free_space(pixels, min_run=5)
    assert (space.boundary_row[0], space.surface[0]) == (boundary_row, ends)


def test_a_pole_one_pixel_wide_is_no_speck() -> None:
    surface = np.zeros((100, 50), np.uint8)
    surface[:10] = U
    surface[40:60, 25] = U
    rows = find_free_space(surface, min_run=5).boundary_row
    assert rows[25] == 60
    assert (np.delete(rows, 25) == 10).all()


def test_specks_up_to_the_given_size_change_nothing() -> None:
    rng = np.random.default_rng(7)
    clean = np.zeros((240, 320), np.uint8)
    clean[:90] = U
    noisy = clean.copy()
    for top in range(95, 230, 9):
        for left in range(0, 320, 8):
            noisy[top + rng.integers(0, 3) :, left:][:6, :6] = rng.integers(1, 4)
    assert (find_free_space(noisy, min_run=7).boundary_row == 90).all()
    assert (find_free_space(noisy, min_run=6).boundary_row != 90).mean() > 0.7


def test_a_view_is_as_good_as_a_copy() -> None:
    surface = np.random.default_rng(2).integers(0, 4, (40, 60)).astype(np.uint8)
    view = surface[::2, ::3]
    np.testing.assert_array_equal(find_free_space(view, 3).boundary_row, by_definition(view, 3))


@pytest.mark.parametrize("min_run", [0, -1, 41])
def test_min_run_fits_the_image(min_run: int) -> None:
    with pytest.raises(ConfigError, match="min_run"):
        find_free_space(np.zeros((40, 30), np.uint8), min_run)


def test_only_label_images_have_free_space() -> None:
    with pytest.raises(ImageError):
        find_free_space(np.zeros((40, 30), np.float32))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(72, 96), (36, 48), (50, 61), (90, 33), (20, 30)])
def test_columns_are_those_of_the_enlarged_surface(size: tuple[int, int]) -> None:
    """Although only its rows are enlarged."""
    rng = np.random.default_rng(3)
    surface = rng.integers(1, 4, (9, 12)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    surface[np.arange(36)[:, None] >= rng.integers(2, 30, 48)] = D  # the road, from another row in each column
    found = find_free_space(surface, 5, size)
    enlarged = np.asarray(cv2.resize(surface, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
    expected = find_free_space(enlarged, 5)
    np.testing.assert_array_equal(found.boundary_row, expected.boundary_row)
    np.testing.assert_array_equal(found.surface, expected.surface)
    assert len(np.unique(expected.boundary_row)) > 2
