from __future__ import annotations

import numpy as np
import pytest

from enet_ros.classes import CAMVID, VOID, members
from enet_ros.datasets.base import PairDataset
from enet_ros.datasets.folder import format_of
from enet_ros.errors import ConfigError, DatasetError

TABLE = """
name: yard
names: [floor, wall, rack]
colors: [[128, 64, 128], [70, 70, 70], [220, 20, 60]]
drivable: [floor]
"""


def folder(images, labels, classes) -> PairDataset:
    return format_of(classes).pairs(images, labels)


def yaml_file(tmp_path, text: str):
    path = tmp_path / "yard.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_plain_ids(tmp_path, write, picture) -> None:
    write(tmp_path / "i" / "run1" / "a.jpg", picture)
    write(tmp_path / "l" / "run1" / "a.png", np.resize(np.uint8([0, 1, 2, 255]), (6, 8)))
    dataset = folder(tmp_path / "i", tmp_path / "l", yaml_file(tmp_path, TABLE))
    assert dataset.table.names == ("floor", "wall", "rack") and dataset.table.drivable == {"floor"}
    assert (dataset.samples[0].name, dataset.samples[0].sequence) == ("run1/a", "run1")
    assert dataset.read(0)[1][0, :4].tolist() == [0, 1, 2, VOID]


def test_values_voids_and_suffixes(tmp_path, write, picture) -> None:
    text = TABLE + "labels: {first: 1, values: {9: floor}, void: [0, 250], image_suffix: _rgb, label_suffix: _mask}"
    write(tmp_path / "i" / "a_rgb.png", picture)
    write(tmp_path / "i" / "a_depth.png", picture)
    write(tmp_path / "i" / "a_mask.png", np.resize(np.uint8([1, 2, 3, 9, 0, 250]), (6, 8)))
    dataset = folder(tmp_path / "i", tmp_path / "i", yaml_file(tmp_path, text))
    assert [sample.name for sample in dataset.samples] == ["a"]
    assert dataset.read(0)[1].ravel()[:6].tolist() == [0, 1, 2, 0, VOID, VOID]


def test_classes_that_are_sets_of_a_models(tmp_path) -> None:
    text = TABLE + "means: {rack: {not: [road, pavement]}, floor: [road], wall: [building, fence]}"
    table = format_of(yaml_file(tmp_path, text)).table
    may_be = members(table, CAMVID)
    assert [np.flatnonzero(row).tolist() for row in may_be] == [[3], [1, 7], [0, 1, 2, 5, 6, 7, 8, 9, 10]]


def test_coloured_labels(tmp_path, write, picture) -> None:
    text = TABLE + "labels: {colored: true, void: [[0, 0, 0], [255, 255, 255]]}"
    colors = np.uint8([[128, 64, 128], [70, 70, 70], [220, 20, 60], [0, 0, 0], [255, 255, 255]])
    write(tmp_path / "i" / "a.png", picture)
    write(tmp_path / "l" / "a.png", np.resize(colors, (6, 8, 3)))
    dataset = folder(tmp_path / "i", tmp_path / "l", yaml_file(tmp_path, text))
    assert dataset.read(0)[1].ravel()[:5].tolist() == [0, 1, 2, VOID, VOID]
    write(tmp_path / "l" / "a.png", np.full((6, 8, 3), (128, 64, 129), np.uint8))
    with pytest.raises(DatasetError, match=r"a\.png has colour \(128, 64, 129\) at row 0"):
        dataset.read(0)
    write(tmp_path / "l" / "a.png", np.zeros((6, 8), np.uint8))
    with pytest.raises(DatasetError, match="not an 8-bit colour image"):
        dataset.read(0)


def test_a_palette_keeps_its_indices(tmp_path, write, picture) -> None:
    from PIL import Image

    write(tmp_path / "i" / "a.png", picture)
    (tmp_path / "l").mkdir()
    indices = Image.fromarray(np.resize(np.uint8([2, 1, 0]), (6, 8)), mode="P")
    indices.putpalette([9, 8, 7, 200, 0, 0, 0, 200, 0])
    indices.save(tmp_path / "l" / "a.png")
    dataset = folder(tmp_path / "i", tmp_path / "l", yaml_file(tmp_path, TABLE))
    assert dataset.read(0)[1].ravel()[:3].tolist() == [2, 1, 0]


def test_16_bit_and_grey_rgb_labels(tmp_path, write, picture) -> None:
    write(tmp_path / "i" / "a.png", picture)
    write(tmp_path / "l" / "a.png", np.resize(np.uint16([0, 2, 65535]), (6, 8)))
    dataset = folder(tmp_path / "i", tmp_path / "l", yaml_file(tmp_path, TABLE))
    assert dataset.read(0)[1].ravel()[:3].tolist() == [0, 2, VOID]
    write(tmp_path / "l" / "a.png", np.full((6, 8), 1000, np.uint16))
    with pytest.raises(DatasetError, match=r"label values 1000 outside 0\.\.255"):
        dataset.read(0)
    write(tmp_path / "l" / "a.png", np.full((6, 8, 3), 2, np.uint8))
    assert dataset.read(0)[1].max() == 2
    write(tmp_path / "l" / "a.png", picture)
    with pytest.raises(DatasetError, match="in colour; this layout needs class ids"):
        dataset.read(0)


def test_files_that_are_no_images(tmp_path, write, picture) -> None:
    (tmp_path / "i").mkdir()
    (tmp_path / "i" / "a.png").write_bytes(b"")
    write(tmp_path / "l" / "a.png", np.zeros((6, 8), np.uint8))
    dataset = folder(tmp_path / "i", tmp_path / "l", "camvid")
    with pytest.raises(DatasetError, match=r"a\.png is not a readable image \(0 bytes\)"):
        dataset.read(0)
    whole = write(tmp_path / "i" / "a.png", picture).read_bytes()
    (tmp_path / "l" / "a.png").write_bytes(whole[:40])
    with pytest.raises(DatasetError, match=r"l.a\.png is not a readable image \(40 bytes\)"):
        dataset.read(0)
    (tmp_path / "l" / "a.png").unlink()
    with pytest.raises(DatasetError, match=r"cannot read .*a\.png: No such file"):
        dataset.read(0)
    with pytest.raises(DatasetError, match="there is no folder"):
        folder(tmp_path / "none", tmp_path / "l", "camvid")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "holds no mapping"),
        ("names: [a", "is not YAML"),
        ("names: [a]", "no entry 'colors'"),
        (TABLE + "means: {floor: [road]}", "give a set of classes for each of floor, wall, rack"),
        (TABLE + "label: {}", "unknown entry label; use"),
        (TABLE + "labels: {frist: 1}", "unknown entry frist"),
        (TABLE + "labels: 3", "labels is 3"),
        (TABLE + "labels: {void: [300]}", "300 is not a pixel value"),
        (TABLE + "labels: {first: 254}", "do not fit into 0"),
        (TABLE + "labels: {values: {7: roof}}", "class 'roof' is not in table 'yard'"),
        (TABLE + "labels: {values: [7]}", "use {value: class name}"),
        (TABLE + "labels: {colored: true, first: 1}", "first does not go with colored"),
        (TABLE + "labels: {colored: true, void: [0]}", r"void colour 0 is not \[r, g, b\]"),
        (TABLE + "labels: {colored: true, void: 0}", r"void colour 0 is not \[r, g, b\]"),
        (TABLE + "labels: {colored: true, void: [[0, 0, 300]]}", r"void colour \[0, 0, 300\] is not \[r, g, b\]"),
        (TABLE.replace("70, 70, 70", "128, 64, 128") + "labels: {colored: true}", "a colour of its own"),
    ],
)
def test_a_bad_table_is_explained(tmp_path, text, message) -> None:
    path = yaml_file(tmp_path, text)
    with pytest.raises((ConfigError, DatasetError), match=message) as caught:
        folder(tmp_path, tmp_path, path)
    assert str(path) in str(caught.value)


def test_unknown_classes(tmp_path) -> None:
    with pytest.raises(ConfigError, match="no classes 'camvif'; use camvid, "):
        folder(tmp_path, tmp_path, "camvif")
    with pytest.raises(DatasetError, match=r"cannot read class table .*none\.yaml"):
        folder(tmp_path, tmp_path, tmp_path / "none.yaml")
