from __future__ import annotations

import numpy as np
import pytest

from enet_ros.datasets.corruptions import CORRUPTIONS, NOISE_SIGMA, blur, dusk, jpeg20, noise


@pytest.fixture
def scene() -> np.ndarray:
    """(60, 80, 3) uint8 RGB: a smooth ramp with a bright square."""
    ramp = np.linspace(40, 200, 80).astype(np.uint8)
    image = np.stack([np.tile(ramp, (60, 1))] * 3, -1)
    image[20:40, 30:50] = (250, 240, 230)
    return np.ascontiguousarray(image)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_same_frame_same_seed_same_pixels(scene, name) -> None:
    before = scene.copy()
    one, two = CORRUPTIONS[name](scene, 3), CORRUPTIONS[name](scene, 3)
    assert one.shape == scene.shape and one.dtype == np.uint8
    assert (one == two).all() and (scene == before).all()
    assert (one != scene).any()


def test_noise_has_its_strength_and_its_seed() -> None:
    grey = np.full((100, 100, 3), 128, np.uint8)
    difference = noise(grey, 0).astype(float) - 128
    assert difference.std() == pytest.approx(NOISE_SIGMA, rel=0.02)
    assert abs(difference.mean()) < 0.5
    assert (noise(grey, 0) != noise(grey, 1)).any()


def test_dusk_leaves_a_quarter_of_the_light_and_less_red() -> None:
    white = np.full((100, 100, 3), 255, np.uint8)
    linear = (dusk(white, 0).mean((0, 1)) / 255) ** 2.2
    assert linear == pytest.approx([0.16, 0.20, 0.26], rel=0.05)


def test_blur_spreads_an_edge_in_proportion_to_the_width() -> None:
    edge = np.zeros((40, 480, 3), np.uint8)
    edge[:, 240:] = 255
    row = blur(edge, 0)[20, :, 0].astype(float)
    assert 2 * 0.8 < (np.interp(0.841 * 255, row, np.arange(480)) - 239.5) < 2 * 1.2
    assert abs(blur(np.full_like(edge, 90), 0).astype(int) - 90).max() == 0


def test_jpeg_rings_but_stays_close(scene) -> None:
    difference = np.abs(jpeg20(scene, 0).astype(int) - scene)
    assert 1 < difference.mean() < 12
