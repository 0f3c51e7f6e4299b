from __future__ import annotations

import numpy as np
import pytest

from enet_ros.classes import CAMVID, VOID
from enet_ros.datasets.camvid import COLORS, camvid, pairs, sequence_of, split_of
from enet_ros.datasets.opening import open_dataset
from enet_ros.errors import DatasetError

# CamVid's label_colors.txt, and SegNet's grouping of it into eleven classes.
GROUPED = """
64 128 64 Animal pedestrian
192 0 128 Archway building
0 128 192 Bicyclist bicyclist
0 128 64 Bridge building
128 0 0 Building building
64 0 128 Car car
64 0 192 CartLuggagePram pedestrian
192 128 64 Child pedestrian
192 192 128 Column_Pole pole
64 64 128 Fence fence
128 0 192 LaneMkgsDriv road
192 0 64 LaneMkgsNonDriv road
128 128 64 Misc_Text sign
192 0 192 MotorcycleScooter bicyclist
128 64 64 OtherMoving car
64 192 128 ParkingBlock pavement
64 64 0 Pedestrian pedestrian
128 64 128 Road road
128 128 192 RoadShoulder pavement
0 0 192 Sidewalk pavement
192 128 128 SignSymbol sign
128 128 128 Sky sky
64 128 192 SUVPickupTruck car
0 0 64 TrafficCone pole
0 64 64 TrafficLight sign
192 64 128 Train car
128 128 0 Tree tree
192 128 192 Truck_Bus car
64 0 64 Tunnel building
192 192 0 VegetationMisc tree
0 0 0 Void void
64 192 0 Wall building
"""


def test_each_of_the_32_colours_has_its_class() -> None:
    rows = [line.split() for line in GROUPED.split("\n") if line]
    expected = {tuple(map(int, row[:3])): VOID if row[4] == "void" else CAMVID.index(row[4]) for row in rows}
    assert len(expected) == 32 and expected == COLORS


def test_small_layout(tmp_path, write, picture) -> None:
    ids = np.arange(48, dtype=np.uint8).reshape(6, 8) % 12
    write(tmp_path / "train" / "0006R0_f00930.png", picture)
    write(tmp_path / "trainannot" / "0006R0_f00930.png", ids)
    dataset = camvid(tmp_path, "train")
    image, labels = dataset.read(0)
    assert len(dataset) == 1 and dataset.table is CAMVID
    assert dataset.samples[0].name == "0006R0_f00930" and dataset.samples[0].sequence == "0006R0"
    assert image.dtype == np.uint8 and (image == picture).all()
    assert (labels == np.where(ids == 11, VOID, ids)).all()


def test_original_layout_groups_32_colours(tmp_path, write, picture) -> None:
    colors = np.array(sorted(COLORS), np.uint8)
    assert len(colors) == 32
    painted = np.resize(colors, (6, 8, 3))
    for name in ("0001TP_006690", "Seq05VD_f00000", "0016E5_07959"):
        write(tmp_path / "701_StillsRaw_full" / f"{name}.png", picture)
        write(tmp_path / "LabeledApproved_full" / f"{name}_L.png", painted)
    expected = [COLORS[tuple(color)] for color in painted.reshape(-1, 3).tolist()]
    for split, name in (("train", "0001TP_006690"), ("test", "Seq05VD_f00000"), ("val", "0016E5_07959")):
        dataset = camvid(tmp_path, split)
        assert [sample.name for sample in dataset.samples] == [name]
        assert dataset.read(0)[1].ravel().tolist() == expected
    assert set(expected) == {*range(11), VOID}
    assert COLORS[(128, 0, 192)] == CAMVID.index("road")  # lane marks are road
    assert COLORS[(192, 128, 192)] == CAMVID.index("car")  # a bus is a car
    assert COLORS[(0, 0, 0)] == VOID


@pytest.mark.parametrize(
    ("name", "sequence", "split"),
    [
        ("0001TP_008520", "0001TP", "train"),
        ("0001TP_008550", "0001TP", "test"),
        ("0006R0_f03930", "0006R0", "train"),
        ("0016E5_07957", "0016E5", "train"),
        ("0016E5_07959", "0016E5", "val"),
        ("0016E5_08159", "0016E5", "val"),
        ("0016E5_08161", "0016E5", "train"),
        ("Seq05VD_f05100", "Seq05VD", "test"),
    ],
)
def test_split_by_name(name, sequence, split) -> None:
    assert (sequence_of(name), split_of(name)) == (sequence, split)


def test_a_name_from_elsewhere_has_no_split() -> None:
    assert sequence_of("holiday") == ""
    with pytest.raises(DatasetError, match="'holiday' is not the name of a CamVid frame"):
        split_of("holiday")


def test_first_bad_pair_is_named(tmp_path, write, picture) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / "train" / f"{name}.png", picture)
    write(tmp_path / "trainannot" / "a.png", np.full((6, 8), 3, np.uint8))
    with pytest.raises(DatasetError, match=r"train.b\.png has no label: there is no .*trainannot.b\.png"):
        camvid(tmp_path, "train")

    write(tmp_path / "trainannot" / "b.png", np.full((6, 7), 3, np.uint8))
    bad = np.full((6, 8), 3, np.uint8)
    bad[4, 5] = 12
    write(tmp_path / "trainannot" / "c.png", bad)
    dataset = camvid(tmp_path, "train")
    assert dataset.read(0)[1].max() == 3
    with pytest.raises(DatasetError, match=r"b\.png is 8x6 pixels but its label .*b\.png is 7x6"):
        dataset.read(1)
    with pytest.raises(DatasetError, match=r"c\.png has label value 12 at row 4, column 5"):
        dataset.read(2)


def test_wrong_places_are_explained(tmp_path, write, picture) -> None:
    with pytest.raises(DatasetError, match="has neither train/"):
        camvid(tmp_path, "train")
    with pytest.raises(DatasetError, match="no split 'dusk'; use one of train, val, test"):
        open_dataset("camvid", tmp_path, "dusk")
    (tmp_path / "val").mkdir()
    with pytest.raises(DatasetError, match="val holds no image"):
        camvid(tmp_path, "val")
    write(tmp_path / "701_StillsRaw_full" / "0001TP_006690.png", picture)
    write(tmp_path / "LabeledApproved_full" / "0001TP_006690_L.png", picture)
    with pytest.raises(DatasetError, match="has no frame"):
        camvid(tmp_path, "test")
    with pytest.raises(DatasetError, match=r"_L\.png has colour \(.*\) at row 0, column 0.*48 pixels"):
        camvid(tmp_path, "train").read(0)


def test_holding_a_sequence_out(tmp_path, write, picture) -> None:
    for name in ("0001TP_006690", "0006R0_f00930", "0006R0_f00960"):
        write(tmp_path / "i" / f"{name}.png", picture)
        write(tmp_path / "l" / f"{name}.png", picture[..., 0] % 12)
    whole = pairs(tmp_path / "i", tmp_path / "l")
    kept = whole.select(lambda sample: sample.sequence != "0001TP")
    assert [sample.name for sample in kept.samples] == ["0006R0_f00930", "0006R0_f00960"]
    with pytest.raises(DatasetError, match="has no frame"):
        whole.select(lambda sample: False)


def test_the_real_one(camvid_dir) -> None:
    for split, frames, share in (("train", 367, 0.0392), ("val", 101, 0.0170)):
        dataset = camvid(camvid_dir, split)
        assert len(dataset) == frames
        assert {split_of(sample.name) for sample in dataset.samples} == {split}
        image, labels = dataset.read(frames // 2)
        assert image.shape == (360, 480, 3) and labels.shape == (360, 480)
        void = np.mean([(dataset.read(i)[1] == VOID).mean() for i in range(0, frames, 40)])
        assert void == pytest.approx(share, abs=0.02)
