"""From one table's ids to another's, and which fine classes a coarse one may be."""

from __future__ import annotations

import numpy as np
import pytest

from enet_ros.classes import (
    CAMVID,
    CAMVID12,
    CITYSCAPES,
    CITYSCAPES20,
    IDD_LITE,
    LUMS,
    VOID,
    ClassSet,
    ClassTable,
    judged,
    label_map,
    members,
)
from enet_ros.errors import ConfigError

ROAD, PAVEMENT, BICYCLIST, SKY = (CAMVID.index(name) for name in ("road", "pavement", "bicyclist", "sky"))


def coarse(**means: ClassSet) -> ClassTable:
    names = tuple(means)
    return ClassTable(
        "coarse", names, tuple((i, 0, 0) for i in range(len(names))), frozenset(), means=tuple(means.values())
    )


@pytest.mark.parametrize("table", [IDD_LITE, LUMS])
def test_road_is_what_the_coarse_sets_call_drivable(table: ClassTable) -> None:
    may_be = members(table, CAMVID)
    drivable = table.indices(table.drivable)
    for row in range(table.num_classes):
        assert may_be[row, ROAD] == (row in drivable)
        assert may_be[row].sum() == 1 or row not in drivable
    assert may_be.any(0).all()  # each class of the model is allowed somewhere


def test_a_table_is_made_of_itself() -> None:
    assert (members(CAMVID, CAMVID) == np.eye(11, dtype=bool)).all()
    counted = judged(CAMVID, CAMVID)
    assert (counted[:, :11] == np.arange(11)).all() and (counted[:, 11:] == VOID).all()


def test_no_set_holds_the_void_output() -> None:
    assert not members(coarse(all=ClassSet(frozenset({"road"}), negated=True)), CAMVID12)[:, 11].any()
    assert (judged(IDD_LITE, CAMVID12)[:, 11] == VOID).all()


def test_where_sets_overlap_the_truth_decides_else_the_first() -> None:
    living, vehicle = IDD_LITE.index("living thing"), IDD_LITE.index("vehicle")
    counted = judged(IDD_LITE, CAMVID)
    assert counted[living, BICYCLIST] == living
    assert counted[vehicle, BICYCLIST] == vehicle
    assert counted[IDD_LITE.index("sky"), BICYCLIST] == living
    assert counted[LUMS.index("road"), ROAD] == IDD_LITE.index("drivable")
    bump, road = LUMS.index("speed bump"), LUMS.index("road")
    assert judged(LUMS, CAMVID)[[bump, road, 0], ROAD].tolist() == [bump, road, road]


def test_a_class_that_no_set_holds_counts_as_void() -> None:
    counted = judged(coarse(ground=ClassSet(frozenset({"road", "pavement"}))), CAMVID)
    assert counted[0, [ROAD, PAVEMENT, SKY]].tolist() == [0, 0, VOID]


def test_what_cannot_be_matched_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"class 'sidewalk' of table 'cityscapes' is not among those of 'camvid' .*means"
    ):
        members(CITYSCAPES, CAMVID)
    with pytest.raises(ConfigError, match=r"names \['lane'\], which is not among sky, building"):
        members(coarse(lane=ClassSet(frozenset({"lane"}))), CAMVID)
    with pytest.raises(ConfigError, match="leaves no class"):
        members(coarse(none=ClassSet(frozenset(CAMVID.names), negated=True)), CAMVID)


@pytest.mark.parametrize("value", [["car"], ["bicyclist", "car"], {"not": ["road"]}])
def test_a_set_is_written_as_it_is_read(value: object) -> None:
    assert ClassSet.parse(value).plain() == value


@pytest.mark.parametrize(
    "value", [[], "car", {"not": []}, {"but": ["car"]}, {"not": ["car"], "and": ["road"]}, [1], None]
)
def test_what_is_no_set_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="a set of classes is"):
        ClassSet.parse(value)


def test_classes_of_two_tables_are_matched_by_name() -> None:
    own = ClassTable("own", ("wall", "floor"), ((1, 1, 1), (2, 2, 2)), frozenset())
    other = ClassTable("other", ("floor", "wall"), ((2, 2, 2), (1, 1, 1)), frozenset())
    assert label_map(own, other)[:3].tolist() == [1, 0, VOID]
    assert label_map(CAMVID, CAMVID)[:12].tolist() == [*range(11), VOID]
    assert label_map(CITYSCAPES20, CITYSCAPES)[:21].tolist() == [VOID, *range(19), VOID]
    with pytest.raises(ConfigError, match=r"the model's classes \(own\) are not those of the labels \(camvid\)"):
        label_map(own, CAMVID)


def test_a_tables_class_of_unlabelled_pixels_is_a_class_unless_it_is_void() -> None:
    """Only bare names leave open what is void; a table tells."""
    real = ClassTable("real", ("road", "void"), ((1, 1, 1), (2, 2, 2)), frozenset())
    with pytest.raises(ConfigError, match="it alone has void; they alone have none"):
        label_map(real, ClassTable("road", ("road",), ((1, 1, 1),), frozenset()))
    assert label_map(real, real)[:3].tolist() == [0, 1, VOID]


def test_bare_names_are_matched_likewise() -> None:
    table = label_map(["road", "unlabelled", "sky"], ["sky", "road"])
    assert table[[0, 1, 2, 255]].tolist() == [1, 255, 0, 255]
    assert label_map(["road"], ["void", "road"])[:2].tolist() == [1, 255]
    np.testing.assert_array_equal(label_map(CAMVID.names, CAMVID.names)[:11], np.arange(11))
    with pytest.raises(ConfigError, match=r"the model's classes are not those of the labels: it alone has bicycle, "):
        label_map(CITYSCAPES20.names, CAMVID.names)
    with pytest.raises(ConfigError, match="it alone has none; they alone have road"):
        label_map([], ["road"])
