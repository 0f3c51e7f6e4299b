"""A dataset of one's own: what it holds, its split by drives, and what a model doubts of its labels."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from enet_ros.classes import CAMVID
from enet_ros.cli import main
from enet_ros.datasets import own
from enet_ros.datasets.inspection import split_drives
from enet_ros.datasets.opening import open_dataset
from enet_ros.errors import DatasetError
from enet_ros.train.mix import SetSpec

ROAD, SKY = CAMVID.index("road"), CAMVID.index("sky")


@pytest.fixture
def root(tmp_path) -> Path:
    """Three drives of 1, 2 and 5 frames, sky above road; the first frame of `c` has no label."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / own.CLASSES).write_text(own.table_text(CAMVID))
    rng = np.random.default_rng(5)
    for drive, frames in (("a", 1), ("b", 2), ("c", 5)):
        for index in range(frames):
            image = cv2.resize(
                rng.integers(0, 256, (6, 8, 3)).astype(np.uint8), (64, 48), interpolation=cv2.INTER_CUBIC
            )
            labels = np.full((48, 64), SKY, np.uint8)
            labels[24:] = ROAD
            if (drive, index) == ("c", 0):
                labels[:] = 255
            for folder, pixels in ((own.IMAGES, image), (own.LABELS, labels)):
                path = tmp_path / "set" / folder / drive / f"{index}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), pixels)
    return tmp_path / "set"


def test_info(root, capsys) -> None:
    assert main(["dataset", "info", str(root), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["drives"] == {"a": 1, "b": 2, "c": 5} and found["sizes"] == {"64x48": 8}
    assert found["pixels"]["road"] == 7 * 24 * 64 and found["void"] == 48 * 64 and found["frames_with"]["sky"] == 7
    assert found["empty"] == ["c/0"] and found["single"] == []
    assert main(["dataset", "info", str(root)]) == 0
    assert "1 frames have no label at all: c/0" in capsys.readouterr().out


def test_a_split_takes_whole_drives(root, capsys) -> None:
    assert main(["dataset", "split", str(root), "--val", "0.3"]) == 0
    train, val = (open_dataset("own", root, part) for part in own.PARTS)
    assert {sample.sequence for sample in val.samples} == {"b"} and len(train) == 6
    assert main(["dataset", "split", str(root)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["dataset", "split", str(root), "--force", "--drives", "c"]) == 0
    assert {sample.sequence for sample in open_dataset("own", root, "val").samples} == {"c"}
    assert main(["dataset", "split", str(root), "--force", "--drives", "d"]) == 2
    assert "no drive 'd'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sizes", "share", "val"),
    [
        ({"a": 10, "b": 10, "c": 80}, 0.2, {"a", "b"}),
        ({"a": 10, "b": 90}, 0.5, {"a"}),
        ({"a": 40, "b": 35, "c": 25}, 0.25, {"c"}),
        ({"a": 5, "b": 5}, 0.01, {"a"}),
    ],
)
def test_the_sum_next_to_the_share_is_found(sizes, share, val) -> None:
    train, found = split_drives(Counter(sizes), share)
    assert set(found) == val and set(train) == set(sizes) - val


def test_one_drive_is_not_split(tmp_path) -> None:
    with pytest.raises(DatasetError, match="1 drive cannot be split"):
        split_drives(Counter({"a": 100}), 0.2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{train: [a, b], val: [b, c]}", "has drive 'b' in train and in val"),
        ("{train: [a, b], val: [d]}", "drive 'd' is not in images/"),
        ("{train: [a], val: [c]}", "drive 'b' is in no part"),
        ("train: a: b", "does not list drives"),
    ],
)
def test_a_wrong_split_is_refused_at_the_start_of_a_training(root, capsys, text, message) -> None:
    (root / own.SPLIT).write_text(text)
    assert main(["train", "--data", str(root), "--out", str(root.parent / "run"), "--epochs", "1"]) == 2
    assert message in capsys.readouterr().err and not (root.parent / "run").exists()


def test_a_folder_with_classes_needs_no_layout(root) -> None:
    assert SetSpec.parse(f"{root}:2") == SetSpec("own", root, 2.0)


def test_a_drive_scored_on_is_not_trained_on_in_another_dataset(root, capsys) -> None:
    shutil.copytree(root, root.parent / "later")
    (root / own.SPLIT).write_text(own.split_text(["a", "c"], ["b"]))
    options = ["--data", str(root), "--data", str(root.parent / "later"), "--epochs", "1"]
    assert main(["train", *options, "--out", str(root.parent / "run")]) == 2
    assert "drive 'b' is trained on in one dataset and scored on in another" in capsys.readouterr().err


def test_check_finds_wrong_labels_and_twins(root, capsys, monkeypatch, camvid_dir) -> None:
    """A real frame whose road is labelled sky in part; and one picture in two drives of different parts."""
    pytest.importorskip("openvino", reason="openvino is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(root.parent / "cache"))
    first = sorted((camvid_dir / "val").iterdir())[0]
    truth = cv2.imread(str(camvid_dir / "valannot" / first.name), cv2.IMREAD_UNCHANGED)
    labels = np.where(truth == 11, 255, truth).astype(np.uint8)
    wrong = labels.copy()
    rows = np.flatnonzero((labels == ROAD).sum(1) > 100)
    patch = np.s_[rows[len(rows) // 2] : rows[-1], 100:300]
    wrong[patch][labels[patch] == ROAD] = SKY
    for drive, mask in (("a", wrong), ("b", labels)):
        cv2.imwrite(str(root / own.IMAGES / drive / "real.png"), cv2.imread(str(first)))
        cv2.imwrite(str(root / own.LABELS / drive / "real.png"), mask)
    (root / own.SPLIT).write_text(own.split_text(["a", "c"], ["b"]))
    page, out = root.parent / "check.html", root.parent / "check.json"
    options = ["--model", "camvid", "--threads", "1", "--report", str(page), "--json", str(out)]
    assert main(["dataset", "check", str(root), *options]) == 1
    found = json.loads(out.read_text())
    suspicious = {one["name"]: one for one in found["suspicious"]}
    assert (suspicious["a/real"]["labelled"], suspicious["a/real"]["seen"]) == ("sky", "road")
    assert suspicious["a/real"]["share"] > 0.02 > suspicious.get("b/real", {"share": 0.0})["share"]
    assert found["twins"] == [["a/real", "b/real"]] and found["empty"] == ["c/0"]
    html = page.read_text()
    assert "a/real" in html and "mostly sky seen as road" in html and 'data-figure="doubts"' in html
