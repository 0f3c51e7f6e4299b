from __future__ import annotations

import numpy as np
import pytest

from enet_ros.classes import SUNRGBD, VOID
from enet_ros.datasets.opening import open_dataset
from enet_ros.datasets.sunrgbd import pairs, sunrgbd
from enet_ros.errors import DatasetError


def test_training_labels_come_after_those_of_test(tmp_path, write, picture) -> None:
    labels = tmp_path / "sunrgbd_train_test_labels"
    write(tmp_path / "SUNRGBD-train_images" / "img-000001.jpg", picture)
    write(tmp_path / "SUNRGBD-train_images" / "img-005285.jpg", picture)
    write(tmp_path / "SUNRGBD-test_images" / "img-000001.jpg", picture)
    for number, value in ((1, 0), (5051, 1), (10335, 37)):
        write(labels / f"img-{number:06d}.png", np.full((6, 8), value, np.uint8))
    train, test = sunrgbd(tmp_path, "train"), sunrgbd(tmp_path, "test")
    assert train.table is SUNRGBD and len(train) == 2
    assert [np.unique(train.read(i)[1]).tolist() for i in range(2)] == [[0], [36]]
    assert np.unique(test.read(0)[1]).tolist() == [VOID]


def test_labels_numbered_as_their_images(tmp_path, write, picture) -> None:
    write(tmp_path / "image" / "train" / "img-000002.jpg", picture)
    write(tmp_path / "label37" / "train" / "img37labels-000002.png", np.full((6, 8), 2, np.uint8))
    dataset = pairs(tmp_path / "image" / "train", tmp_path / "label37" / "train")
    assert SUNRGBD.names[int(dataset.read(0)[1][0, 0])] == "floor"


def test_errors(tmp_path, write, picture) -> None:
    with pytest.raises(DatasetError, match="no split 'val'"):
        open_dataset("sunrgbd", tmp_path, "val")
    write(tmp_path / "SUNRGBD-test_images" / "img-000001.jpg", picture)
    with pytest.raises(DatasetError, match=r"no label: there is no .*img-000001\.png"):
        sunrgbd(tmp_path, "test")
    write(tmp_path / "sunrgbd_train_test_labels" / "img-000001.png", np.full((6, 8), 38, np.uint8))
    with pytest.raises(DatasetError, match="label value 38"):
        sunrgbd(tmp_path, "test").read(0)
