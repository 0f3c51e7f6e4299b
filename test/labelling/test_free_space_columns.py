"""Free space in bags is that of the enlarged labels, although only their rows are enlarged."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from enet_ros import model_file
from enet_ros.bags.messages import from_cdr
from enet_ros.bags.types import FREE_SPACE
from enet_ros.labelling.outputs import Outputs, OutputSettings
from enet_ros.messages import Header
from enet_ros.products.free_space import find_free_space
from enet_ros.products.surface import surface_image, surface_lut


@pytest.mark.parametrize("size", [(72, 96), (36, 48), (50, 61), (90, 33), (20, 30)])
def test_columns_are_those_of_the_enlarged_labels(size: tuple[int, int]) -> None:
    card = model_file.read_card(model_file.resolve("camvid"))
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 11, (9, 12)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    top = rng.integers(2, 30, 48)  # of the road, in each column
    labels[np.arange(36)[:, None] >= top] = card.classes.index("road")
    rgb, small = np.zeros((*size, 3), np.uint8), np.zeros((36, 48, 3), np.uint8)
    outputs = Outputs(card, OutputSettings(("free_space",)))
    found = from_cdr(FREE_SPACE, outputs.make(Header(1, "camera"), rgb, small, labels, None)[0].cdr)
    enlarged = np.asarray(cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
    expected = find_free_space(surface_image(enlarged, surface_lut(card.classes)))
    assert (found.height, found.width) == size
    np.testing.assert_array_equal(found.boundary_row, expected.boundary_row)
    np.testing.assert_array_equal(found.ends_at, expected.surface)
    assert len(np.unique(expected.boundary_row)) > 2
