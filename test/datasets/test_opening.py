from __future__ import annotations

import numpy as np
import pytest

from enet_ros.classes import CITYSCAPES20, VOID
from enet_ros.datasets.opening import open_dataset, open_pairs, table_of
from enet_ros.errors import ConfigError


@pytest.mark.parametrize(
    ("classes", "value", "expected"),
    [("camvid", 11, VOID), ("cityscapes", 7, 0), ("sunrgbd", 2, 1), ("cityscapes20", 7, 7)],
)
def test_the_conventions_of_a_dataset_hold(tmp_path, write, picture, classes, value, expected) -> None:
    write(tmp_path / "i" / "a.png", picture)
    write(tmp_path / "l" / "a.png", np.full((6, 8), value, np.uint8))
    dataset = open_pairs(tmp_path / "i", tmp_path / "l", classes)
    assert dataset.table == table_of(classes)
    assert np.unique(dataset.read(0)[1]).tolist() == [expected]


def test_names(tmp_path) -> None:
    assert table_of("cityscapes20") is CITYSCAPES20
    with pytest.raises(ConfigError, match="no dataset layout 'kitti'; use one of camvid, cityscapes, sunrgbd"):
        open_dataset("kitti", tmp_path, "train")
