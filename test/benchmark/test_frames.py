"""Frames from folders and from the street."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from enet_ros.benchmark import from_folder, from_street
from enet_ros.errors import DatasetError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Ten images, image i of brightness 20 i, all labelled as class i."""
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    for i in range(10):
        cv2.imwrite(str(tmp_path / "images" / f"{i}.png"), np.full((20, 30, 3), 20 * i, np.uint8))
        cv2.imwrite(str(tmp_path / "labels" / f"{i}.png"), np.full((20, 30), i, np.uint8))
    return tmp_path / "images", tmp_path / "labels"


def test_images_are_chosen_evenly(folders: tuple[Path, Path]) -> None:
    frames = from_folder(folders[0], 5)
    assert [int(image[0, 0, 0]) // 20 for image in frames.images] == [0, 2, 4, 6, 8]
    assert frames.table is None and frames.truth == ()
    assert len(from_folder(folders[0], 50).images) == 10


def test_truth(folders: tuple[Path, Path]) -> None:
    frames = from_folder(*folders[:1], 2, folders[1], "camvid")
    assert frames.table is not None and frames.table.name == "camvid"
    (first, second) = frames.truth_at((8, 16))
    assert first.shape == (8, 16) and (first == 0).all() and (second == 5).all()


@pytest.mark.parametrize("size", [(8, 16), (40, 60), (20, 30)])
def test_sizes(folders: tuple[Path, Path], size: tuple[int, int]) -> None:
    images = from_folder(folders[0], 2).images_at(size)
    assert images.shape == (2, *size, 3) and images.dtype == np.uint8
    assert (images[1] == 100).all()


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no image"):
        from_folder(tmp_path, 3)


def test_the_street_moves() -> None:
    frames = from_street(2)
    assert "synthetic street" in frames.origin
    assert (frames.images[0] != frames.images[1]).mean() > 0.2
