"""Colours, overlays and masks against a pixel-by-pixel reading of the table."""

from __future__ import annotations

import numpy as np
import pytest

from enet_ros.classes import CAMVID, VOID
from enet_ros.errors import ConfigError, ImageError
from enet_ros.products import images


@pytest.fixture
def labels() -> np.ndarray:
    ids = np.random.default_rng(3).integers(0, CAMVID.num_classes, (37, 53)).astype(np.uint8)
    ids[5:9, 10:20] = VOID
    return ids


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (37, 53, 3)).astype(np.uint8)


def test_color_is_the_table_in_rgb_order(labels: np.ndarray) -> None:
    painted = images.color(labels, CAMVID.lut())
    np.testing.assert_array_equal(painted, CAMVID.lut()[labels])
    road = np.full((1, 1), CAMVID.index("road"), np.uint8)
    assert tuple(images.color(road, CAMVID.lut())[0, 0]) == (128, 64, 128)


def test_overlay_mixes_and_leaves_void_alone(labels: np.ndarray, image: np.ndarray) -> None:
    before = image.copy()
    mixed = images.overlay(image, labels, CAMVID.lut(), opacity=0.25)
    expected = 0.75 * image + 0.25 * CAMVID.lut()[labels]
    classed = labels != VOID
    assert np.abs(mixed[classed] - expected[classed]).max() <= 0.51
    np.testing.assert_array_equal(mixed[~classed], image[~classed])
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan")])
def test_overlay_refuses_opacity_outside_0_1(labels: np.ndarray, image: np.ndarray, opacity: float) -> None:
    with pytest.raises(ConfigError, match="opacity"):
        images.overlay(image, labels, CAMVID.lut(), opacity=opacity)


def test_overlay_refuses_an_image_of_another_size(labels: np.ndarray, image: np.ndarray) -> None:
    with pytest.raises(ImageError, match="size"):
        images.overlay(image[:-1], labels, CAMVID.lut())


def test_group_mask_holds_the_named_classes_only(labels: np.ndarray) -> None:
    mask = images.group_mask(labels, CAMVID.membership(["road", "pavement"]))
    wanted = np.isin(labels, [CAMVID.index("road"), CAMVID.index("pavement")])
    np.testing.assert_array_equal(mask, np.where(wanted, 255, 0))


def test_group_mask_drops_unsure_pixels(labels: np.ndarray) -> None:
    confidence = np.random.default_rng(5).integers(0, 256, labels.shape).astype(np.uint8)
    mask = images.group_mask(labels, CAMVID.membership(["road"]), confidence, min_confidence=0.6)
    wanted = (labels == CAMVID.index("road")) & (confidence >= 153)
    np.testing.assert_array_equal(mask, np.where(wanted, 255, 0))


@pytest.mark.parametrize("bad", [np.zeros((4, 4), "i4"), np.zeros((4, 4, 1), "u1"), np.zeros((0, 4), "u1")])
def test_a_label_image_of_another_kind_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ImageError, match="label image"):
        images.color(bad, CAMVID.lut())
    with pytest.raises(ImageError, match="label image"):
        images.group_mask(bad, CAMVID.membership(["road"]))


def test_planes_are_scaled_by_the_nearest_centre() -> None:
    small = np.array([[1, 2], [3, 4]], np.uint8)
    assert images.nearest(small, (4, 4)).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert images.nearest(np.arange(6, dtype=np.uint8)[None], (1, 2)).tolist() == [[1, 4]]
    assert images.nearest(np.array([[7, 300]], np.uint16), (1, 4)).tolist() == [[7, 7, 300, 300]]
    assert images.nearest(small, (2, 2)) is small
