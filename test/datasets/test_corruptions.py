"""Corruptions: seeds, severities, what each does, and how they are typed."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from enet_ros.classes import VOID
from enet_ros.datasets.corruptions import NAMES, Corruption, parse
from enet_ros.datasets.effects import EFFECTS, defocus, motion, night, noise, rain, tint, vignette
from enet_ros.datasets.views import VIEWS, warp
from enet_ros.errors import ConfigError


@pytest.fixture
def scene() -> np.ndarray:
    """(120, 480, 3) uint8 RGB: a textured ramp with a bright square."""
    ramp = np.tile(np.linspace(40, 200, 480), (120, 1))
    texture = np.random.default_rng(0).normal(0, 25, (60, 240))
    image = np.stack([ramp + cv2.resize(texture, (480, 120))] * 3, -1).clip(0, 255).astype(np.uint8)
    image[40:80, 60:100] = (250, 240, 230)
    return np.ascontiguousarray(image)


@pytest.fixture
def labels() -> np.ndarray:
    """(120, 480) uint8: blocks of 20x20."""
    return np.kron(np.arange(144).reshape(6, 24) % 11, np.ones((20, 20))).astype(np.uint8)


@pytest.mark.parametrize("name", NAMES)
def test_same_frame_same_pixels(scene, labels, name) -> None:
    before, labels_before = scene.copy(), labels.copy()
    (one, moved), (two, _) = (Corruption(name, 3)(scene, labels, 7) for _ in range(2))
    assert one.shape == scene.shape and one.dtype == np.uint8 and moved.dtype == np.uint8
    assert (one == two).all() and (one != scene).any()
    assert (scene == before).all() and (labels == labels_before).all()
    assert (moved != labels).any() == Corruption(name).moves == (name in VIEWS)


@pytest.mark.parametrize("name", EFFECTS)
def test_each_severity_is_worse_than_the_last(scene, name) -> None:
    """By the distance from the scene, over several draws; nothing at severity 0, almost, but JPEG's own loss."""
    worse = [
        np.mean(
            [np.abs(EFFECTS[name](scene, s, np.random.default_rng(k)).astype(int) - scene).mean() for k in range(6)]
        )
        for s in range(6)
    ]
    assert worse[0] < 1.5
    assert all(a < b for a, b in itertools.pairwise(worse)), worse


@pytest.mark.parametrize("name", VIEWS)
def test_views_move_labels_with_their_pixels(labels, name) -> None:
    image = np.repeat((labels * 20)[..., None], 3, 2)
    for severity in (1, 3, 5):
        seen, moved = VIEWS[name](image, labels, severity, np.random.default_rng(severity))
        known = moved != VOID
        assert known.mean() > 0.75
        assert (np.abs(seen[..., 0].astype(int) - 20 * moved)[known] <= 1).mean() > 0.8


def test_noise_has_its_strength_and_neighbours_share_it() -> None:
    grey = np.full((200, 200, 3), 128, np.uint8)
    difference = noise(grey, 3, np.random.default_rng(0)).astype(float) - 128
    assert abs(difference.mean()) < 0.5
    assert 0.5 * 17 < difference[..., 1].std() < 17  # demosaicing averages neighbours
    near, far = (np.corrcoef(difference[:, :-n, 0].ravel(), difference[:, n:, 0].ravel())[0, 1] for n in (1, 6))
    assert near > 0.3 and abs(far) < 0.05
    bright, dark = (noise(np.full_like(grey, v), 3, np.random.default_rng(0)).astype(float).std() for v in (200, 40))
    assert bright > 1.15 * dark


def test_night_leaves_an_eighth_of_the_light_at_three_stops() -> None:
    white = np.full((100, 100, 3), 255, np.uint8)
    linear = np.mean([(night(white, 3, np.random.default_rng(k)).mean((0, 1)) / 255) ** 2.2 for k in range(12)])
    assert 1 / 8 < linear < 1 / 3  # and the gain that the camera sets


def test_blur_has_its_radius_in_proportion_to_the_width() -> None:
    for width in (480, 960):
        dot = np.zeros((101, width, 3), np.uint8)
        dot[50, width // 2] = 255
        dot = cv2.dilate(dot, np.ones((3, 3), np.uint8))
        lit = np.flatnonzero(defocus(dot, 5, np.random.default_rng(0))[50, :, 0] > 0)
        assert np.ptp(lit) / 2 == pytest.approx(4.8 * width / 480, abs=2)


def test_motion_blurs_along_a_line() -> None:
    dot = np.zeros((101, 480, 3), np.uint8)
    dot[49:52, 239:242] = 255
    y, x = np.nonzero(motion(dot, 5, np.random.default_rng(3))[..., 0] > 4)
    long, short = np.sqrt(np.linalg.eigvalsh(np.cov(np.stack([x, y])))[::-1])
    assert long > 3 * short


def test_tint_keeps_the_light_and_vignette_the_middle(scene) -> None:
    grey = np.full((120, 160, 3), 100, np.uint8)
    tinted = tint(grey, 5, np.random.default_rng(1)).astype(float)
    assert np.ptp(tinted.mean((0, 1))) > 10 and abs(tinted.mean() - 100) < 20
    dark = vignette(grey, 5, np.random.default_rng(1))[..., 0]
    assert dark.max() >= 98 and min(dark[0, 0], dark[-1, -1], dark[0, -1], dark[-1, 0]) < 60


def test_rain_leaves_what_no_drop_covers(scene) -> None:
    wet = rain(scene, 2, np.random.default_rng(0))
    same = (np.abs(wet.astype(int) - scene).max(2) <= 2).mean()
    assert 0.5 < same < 0.99


def test_a_barrel_pulls_the_corners_in(labels) -> None:
    image = np.repeat((labels * 20)[..., None], 3, 2)
    keep = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    _, barrel = warp(image, labels, labels.shape, keep, -0.3)
    _, cushion = warp(image, labels, labels.shape, keep, 0.3)
    _, same = warp(image, labels, labels.shape, keep)
    assert (same == labels).all()
    assert barrel[0, 0] == VOID and (cushion != VOID).all()
    row = labels.shape[0] // 2
    assert np.count_nonzero(barrel[0] == labels[0, 0]) != np.count_nonzero(barrel[row] == labels[row, 0])


def test_corruptions_as_they_are_typed() -> None:
    assert parse("noise:4") == (Corruption("noise", 4),)
    assert parse("rain") == (Corruption("rain", 3),)
    assert parse("all:2") == tuple(Corruption(name, 2) for name in NAMES)
    assert len(parse("all")) == 5 * len(NAMES)
    assert str(Corruption("lens", 5)) == "lens:5"
    for text in ("dusk", "noise:6", "noise:0", "noise:x", "all:"):
        if text != "all:":
            with pytest.raises(ConfigError, match=r"use one of all, tint, .*:1 to :5"):
                parse(text)
