"""Which frames a run on several sets trains on, what their labels become, and options that do not fit."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from enet_ros.classes import CAMVID, IDD_LITE, VOID
from enet_ros.errors import ConfigError
from enet_ros.train.batches import Part, repeated
from enet_ros.train.mix import DataConfig, FolderSpec, SetSpec, Targets, load

SIZE = (32, 48)


def write(root: Path, split: str, name: str, label: int, size: tuple[int, int] = SIZE) -> None:
    for folder, value in ((split, 90), (f"{split}annot", label)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(root / folder / f"{name}.png"), np.full(size, value, np.uint8))


@pytest.fixture
def camvid(tmp_path: Path) -> SetSpec:
    for split, names in (("train", ("0001TP_1", "0006R0_f2")), ("val", ("0016E5_3",))):
        for name in names:
            write(tmp_path / "camvid", split, name, 3)
    return SetSpec("camvid", tmp_path / "camvid", 2.0)


@pytest.fixture
def idd(tmp_path: Path) -> SetSpec:
    for value in range(7):
        write(tmp_path / "idd", "train", f"7_{value}", value, (20, 64))
    write(tmp_path / "idd", "val", "8_0", 0)
    return SetSpec("idd_lite", tmp_path / "idd")


def test_sets_are_read_in_one_space_of_labels(camvid: SetSpec, idd: SetSpec) -> None:
    mix = load(DataConfig((camvid, idd)), SIZE, None, None)
    assert mix.targets.table is CAMVID
    assert [(len(part.pairs), part.share) for part in mix.parts] == [(2, 2.0), (7, 1.0)]
    assert (len(mix.exact), len(mix.held_out)) == (2, 1)  # coarse frames are neither balanced nor scored on
    assert mix.description == "2 of camvid x 2, 7 of idd_lite"
    for value, (_, labels) in enumerate(mix.parts[1].pairs):
        allowed = mix.targets.sets[labels[0, 0]]
        expected = IDD_LITE.means[value]
        assert {name for name, flag in zip(CAMVID.names, allowed, strict=True) if flag} == set(expected.names)
    assert int(mix.parts[1].pairs[0][1][0, 0]) == CAMVID.index("road")  # a set of one class is that class


def test_frames_are_shrunk_and_never_enlarged(camvid: SetSpec, idd: SetSpec) -> None:
    mix = load(DataConfig((camvid, idd)), SIZE, None, None)
    assert mix.parts[1].pairs[0][0].shape == (20, 48, 3)
    assert mix.held_out[0][0].shape == (*SIZE, 3)


def test_coarse_sets_alone_need_a_models_classes(idd: SetSpec) -> None:
    with pytest.raises(ConfigError, match="--model-classes"):
        load(DataConfig((idd,)), SIZE, None, None)
    assert load(DataConfig((idd,)), SIZE, CAMVID, None).targets.table is CAMVID
    mix = load(DataConfig((idd,)), SIZE, None, CAMVID)
    assert mix.targets.table is CAMVID and not mix.exact and not mix.held_out


def test_a_folder_pair_with_sets_of_its_own(camvid: SetSpec, tmp_path: Path) -> None:
    table = "names: [go, stop]\ncolors: [[0, 1, 0], [1, 0, 0]]\nmeans: {go: [road], stop: {not: [road]}}\n"
    (tmp_path / "own.yaml").write_text(table)
    write(tmp_path / "own", "train", "a", 1)
    folders = FolderSpec(tmp_path / "own" / "train", tmp_path / "own" / "trainannot", str(tmp_path / "own.yaml"))
    mix = load(DataConfig((camvid,), folders), SIZE, None, None)
    value = mix.parts[1].pairs[0][1][0, 0]
    assert np.flatnonzero(~mix.targets.sets[value]).tolist() == [CAMVID.index("road")]
    assert mix.description == "2 of camvid x 2, 1 of own"


def test_sequences_are_held_out_of_every_set(camvid: SetSpec, idd: SetSpec) -> None:
    mix = load(DataConfig((camvid, idd), hold_out=("0006R0", "7")), SIZE, None, None)
    assert [len(part.pairs) for part in mix.parts] == [1] and len(mix.held_out) == 1
    with pytest.raises(ConfigError, match=r"--hold-out names \['0005XX'\]"):
        load(DataConfig((camvid,), hold_out=("0005XX",)), SIZE, None, None)
    with pytest.raises(ConfigError, match="--hold-out 0001TP 0006R0 leaves no frame"):
        load(DataConfig((camvid,), hold_out=("0001TP", "0006R0")), SIZE, None, None)


@pytest.mark.parametrize(
    ("text", "layout", "expected"),
    [
        ("camvid=a/b", None, ("camvid", "a/b", 1.0)),
        ("idd_lite=/x:0.5", None, ("idd_lite", "/x", 0.5)),
        ("a=b:2", "lums", ("lums", "a=b", 2.0)),
        ("lums=C:data", None, ("lums", "C:data", 1.0)),
        ("dir", "camvid", ("camvid", "dir", 1.0)),
    ],
)
def test_a_set_as_it_is_typed(text: str, layout: str | None, expected: tuple[str, str, float]) -> None:
    name, root, share = expected
    assert SetSpec.parse(text, layout) == (name, Path(root), share)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dir", "or add --dataset"),
        ("kitti=dir", "LAYOUT=DIR"),
        ("camvid=d:0", "the share is 0"),
        ("camvid=d:1.2.3", "1.2.3"),
    ],
)
def test_a_set_that_cannot_be_read_from_its_text(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SetSpec.parse(text)


def test_targets_share_equal_sets_and_leave_void_open() -> None:
    targets = Targets(CAMVID)
    first, again = targets.values_of(IDD_LITE), targets.values_of(IDD_LITE)
    assert (first == again).all() and first[7:].tolist() == [VOID] * 249
    assert first[[0, 6]].tolist() == [CAMVID.index("road"), CAMVID.index("sky")]
    assert sorted(first[1:6].tolist()) == [11, 12, 13, 14, 15]
    assert targets.sets[VOID].all() and targets.sets.sum(1)[:11].tolist() == [1] * 11
    assert str(Targets(CAMVID)) != str(targets)


def test_few_frames_are_taken_several_times_and_in_their_proportion() -> None:
    pair = (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8))
    parts = [Part([pair] * 5), Part([pair] * 30, 0.5)]
    assert [part.draws for part in repeated(parts, 80)] == [20, 60]
    assert repeated(parts, 10) == parts
