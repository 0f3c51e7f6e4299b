"""Classes and confidence become what a driver sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from enet_ros.classes import CAMVID, CITYSCAPES, CITYSCAPES20, TABLES, VOID
from enet_ros.errors import ConfigError, ImageError
from enet_ros.products.images import Surface, surface_image, surface_lut


def test_camvid() -> None:
    lut = surface_lut(CAMVID)
    by_name = {name: Surface(lut[index]).name for index, name in enumerate(CAMVID.names)}
    assert by_name.pop("road") == "DRIVABLE"
    assert by_name.pop("pavement") == "FLAT"
    assert set(by_name.values()) == {"UPRIGHT"}


def test_void_and_unused_ids_are_unknown() -> None:
    lut = surface_lut(CITYSCAPES20)
    assert lut[VOID] == lut[20] == lut[0] == Surface.UNKNOWN
    assert lut[CITYSCAPES20.index("terrain")] == Surface.FLAT


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_table_has_something_drivable_and_something_upright(table) -> None:  # type: ignore[no-untyped-def]
    used = set(surface_lut(table)[: table.num_classes])
    assert {Surface.DRIVABLE, Surface.UPRIGHT} <= used


def test_a_robot_of_the_pavement() -> None:
    lut = surface_lut(replace(CITYSCAPES, drivable=frozenset({"sidewalk"})))
    assert lut[CITYSCAPES.index("sidewalk")] == Surface.DRIVABLE
    assert lut[CITYSCAPES.index("road")] == Surface.FLAT


def test_unsure_pixels_are_unknown_whatever_their_class() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 11, (30, 40)).astype(np.uint8)
    confidence = rng.integers(0, 256, (30, 40)).astype(np.uint8)
    lut = surface_lut(CAMVID)
    surface = surface_image(labels, lut, confidence, 0.5)
    np.testing.assert_array_equal(surface, np.where(confidence < 128, Surface.UNKNOWN, lut[labels]))
    np.testing.assert_array_equal(surface_image(labels, lut, confidence, 0.0), lut[labels])
    np.testing.assert_array_equal(surface_image(labels, lut), lut[labels])


@pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan")])
def test_a_threshold_is_a_probability(threshold: float) -> None:
    labels = np.zeros((4, 5), np.uint8)
    with pytest.raises(ConfigError, match="min_confidence"):
        surface_image(labels, surface_lut(CAMVID), labels, threshold)


def test_a_confidence_of_another_size_is_refused() -> None:
    labels = np.zeros((4, 5), np.uint8)
    with pytest.raises(ImageError, match="confidence"):
        surface_image(labels, surface_lut(CAMVID), np.zeros((5, 4), np.uint8), 0.5)
