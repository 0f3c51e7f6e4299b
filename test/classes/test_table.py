"""Class tables: the built-in ones, lookups, refused contents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from enet_ros.classes import (
    CAMVID,
    CAMVID12,
    CITYSCAPES,
    CITYSCAPES20,
    SUNRGBD,
    TABLES,
    ClassTable,
    get_table,
    table_with,
)
from enet_ros.errors import ConfigError

SMALL: dict[str, Any] = {
    "name": "small",
    "names": ["road", "tree", "other"],
    "colors": [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
    "drivable": ["road"],
    "void": 2,
}


def test_sizes() -> None:
    tables = (CAMVID, CAMVID12, CITYSCAPES, CITYSCAPES20, SUNRGBD)
    assert [table.num_classes for table in tables] == [11, 12, 19, 20, 37]


def test_camvid_is_in_the_order_of_its_labels() -> None:
    assert CAMVID.names == (
        "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"
    )  # fmt: skip
    assert CAMVID12.names[:11] == CAMVID.names and CAMVID12.void == 11


def test_cityscapes_is_in_the_order_of_its_train_ids() -> None:
    assert CITYSCAPES.names[:3] == ("road", "sidewalk", "building") and CITYSCAPES.names[18] == "bicycle"
    assert CITYSCAPES20.names[1:] == CITYSCAPES.names and CITYSCAPES20.void == 0


@pytest.mark.parametrize("name", TABLES)
def test_built_in_tables(name: str) -> None:
    table = get_table(name)
    assert table.name == name
    assert table_with(table.names) is table and table_with((*table.names, "more")) is None
    assert ClassTable.from_dict(table.to_dict()) == table
    assert len(set(table.colors)) == table.num_classes
    assert table.drivable and table.drivable <= table.flat <= set(table.names)


def test_unknown_table() -> None:
    with pytest.raises(ConfigError, match="no class table 'kitti'; use one of camvid, "):
        get_table("kitti")


def test_index_and_indices() -> None:
    assert CAMVID.index("road") == 3
    assert CAMVID.indices(["car", "sky"]) == (0, 8)
    with pytest.raises(ConfigError, match="class 'lane' is not in table 'camvid'; it has sky, building"):
        CAMVID.indices(["sky", "lane"])


def test_lut_blackens_void_and_unused_ids() -> None:
    table = ClassTable.from_dict(SMALL)
    lut = table.lut()
    assert lut.shape == (256, 3) and lut.dtype == np.uint8
    assert lut[:2].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert not lut[2:].any()


def test_membership() -> None:
    table = CAMVID.membership(["road", "pavement"])
    assert np.flatnonzero(table).tolist() == [3, 4] and table[3] == 255 and table.dtype == np.uint8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": [], "colors": []}, "has 0 classes; use 1..254"),
        ({"names": [str(i) for i in range(255)], "colors": [[0, 0, 0]] * 255}, "has 255 classes"),
        ({"names": ["road", "road", "other"]}, r"names \['road'\] more than once"),
        ({"colors": [[1, 2, 3]]}, "has 3 names and 1 colours"),
        ({"colors": [[1, 2, 3], [4, 5, 6], [7, 8, 256]]}, r"has colour \(7, 8, 256\)"),
        ({"colors": [[1, 2, 3], [4, 5, 6], [7, 8]]}, "malformed"),
        ({"colors": 3}, "malformed"),
        ({"drivable": ["lane"]}, r"calls \['lane'\] drivable, which it does not list"),
        ({"flat": ["lane"]}, r"calls \['lane'\] flat, which it does not list"),
        ({"void": 3}, r"has void index 3; use 0\.\.2"),
        ({"void": "last"}, "malformed"),
    ],
)
def test_refused_contents(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ClassTable.from_dict({**SMALL, **changes})


@pytest.mark.parametrize("entry", ["name", "names", "colors"])
def test_missing_entry(entry: str) -> None:
    with pytest.raises(ConfigError, match=f"has no entry '{entry}'"):
        ClassTable.from_dict({key: value for key, value in SMALL.items() if key != entry})
