"""`enet_ros bag` and `enet_ros label` as a user types them."""

from __future__ import annotations

import argparse
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from enet_ros import model_file
from enet_ros.bags import BagReader
from enet_ros.bags.messages import FREE_SPACE, from_cdr
from enet_ros.camera import CameraPose
from enet_ros.cli import bag_play, main
from enet_ros.engines import create
from enet_ros.frames.bag import from_labelled_bag
from enet_ros.labelling import OutputSettings, label


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Two CamVid frames of 48x36 with labels, under images/ and labels/."""
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for number in (30, 60):
        cv2.imwrite(str(tmp_path / f"images/0016E5_{number:05}.png"), np.full((36, 48, 3), number, np.uint8))
        cv2.imwrite(str(tmp_path / f"labels/0016E5_{number:05}.png"), np.full((36, 48), 3, np.uint8))
    return tmp_path


def test_create_and_info(frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = frames / "bag"
    arguments = ["--images", str(frames / "images"), "--labels", str(frames / "labels"), "--classes", "camvid"]
    assert main(["bag", "create", str(out), *arguments, "--fov", "60", "--compress", "png"]) == 0
    capsys.readouterr()
    assert main(["bag", "info", str(out), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["messages"], info["duration_s"], info["start_ns"], info["damage"]) == (6, 1.0, 10**9, None)
    assert [(t["name"], t["content"]) for t in info["topics"]] == [
        ("/camera/camera_info", "48x36 plumb_bob"),
        ("/camera/ground_truth", "48x36 mono8"),
        ("/camera/image_raw/compressed", "48x36 png"),
    ]
    assert main(["bag", "info", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "/camera/image_raw/compressed" in shown and "1.0 Hz" in shown
    assert [f.stamp_ns for f in from_labelled_bag(out)] == [10**9, 2 * 10**9]


def test_rate_stamps_and_storage(frames: Path) -> None:
    out = frames / "bag"
    arguments = [str(out), "--images", str(frames / "images"), "--storage", "sqlite3", "--prefix", "front"]
    assert main(["bag", "create", *arguments, "--rate", "4"]) == 0
    assert (out / "bag.db3").is_file()
    assert main(["bag", "create", *arguments, "--stamps", "number", "--force"]) == 0


@pytest.mark.parametrize(
    ("options", "stamps_ns", "said"),
    [
        ([], [10**9, 2 * 10**9], "at 1 Hz"),  # numbers 30 and 60 at CamVid's 30 Hz
        (["--rate", "10"], [10**8, 2 * 10**8], "at 10 Hz"),
        (["--rate", "10", "--stamps", "number"], [3 * 10**9, 6 * 10**9], "at 0.3333 Hz"),
        (["--stamps", "order"], [round(1e9 / 30), round(2e9 / 30)], "at 30 Hz"),
    ],
)
def test_a_rate_is_that_of_the_frames(
    frames: Path, capsys: pytest.CaptureFixture[str], options: list[str], stamps_ns: list[int], said: str
) -> None:
    arguments = ["--images", str(frames / "images"), "--labels", str(frames / "labels"), "--classes", "camvid"]
    assert main(["bag", "create", str(frames / "bag"), *arguments, *options]) == 0
    assert f"bag: 2 frames {said}; look" in capsys.readouterr().err
    assert [frame.stamp_ns for frame in from_labelled_bag(frames / "bag")] == stamps_ns


def test_a_dataset_whose_names_are_no_frame_numbers_comes_in_order(frames: Path) -> None:
    (frames / "images").rename(frames / "val")
    (frames / "labels").rename(frames / "valannot")
    assert main(["bag", "create", str(frames / "bag"), "--dataset", "lums", "--data", str(frames)]) == 0
    assert [frame.stamp_ns for frame in from_labelled_bag(frames / "bag")] == [round(1e9 / 30), round(2e9 / 30)]


def test_label_adds_what_it_says(frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bag", "create", str(frames / "bag"), "--images", str(frames / "images"), "--fov", "60"]) == 0
    pose = ["--height", "1.5", "--pitch-deg", "5"]
    assert main(["label", str(frames / "bag"), str(frames / "out"), "--engine", "onnxruntime", *pose]) == 0
    said = capsys.readouterr().err
    told = (
        r"out: will be about \d+ MB, \d+\.\d times .*bag: mask/compressed \d+\.\d MB, overlay/compressed .* are added"
    )
    assert re.search(told, said)
    assert re.search(r"2 frames in .* frames/s\), \d+\.\d MB, \d+\.\d times ", said)
    assert main(["bag", "info", str(frames / "out"), "--json"]) == 0
    topics = {t["name"]: t["messages"] for t in json.loads(capsys.readouterr().out)["topics"]}
    assert topics == {
        "/camera/camera_info": 2,
        "/camera/image_raw": 2,
        "/camera/segmentation/free_space": 2,
        "/camera/segmentation/info": 1,
        "/camera/segmentation/mask/compressed": 2,
        "/camera/segmentation/overlay/compressed": 2,
    }


def test_label_does_not_begin_what_the_disk_cannot_hold(
    frames: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["bag", "create", str(frames / "bag"), "--images", str(frames / "images")]) == 0
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=3_000))
    assert main(["label", str(frames / "bag"), str(frames / "out"), "--engine", "onnxruntime"]) == 2
    assert "has 0 MB left: choose another place, or fewer --outputs" in capsys.readouterr().err
    assert not list(frames.glob("out*"))


def test_label_takes_degrees_where_the_node_takes_radians(frames: Path) -> None:
    assert main(["bag", "create", str(frames / "bag"), "--images", str(frames / "images"), "--fov", "60"]) == 0
    where = ["--height", "1.5", "--pitch-deg", "30", "--roll-deg", "-6", "--yaw-deg", "90", "--x", "1", "--y", "-2"]
    options = ["--model", "camvid", "--engine", "onnxruntime", "--outputs", "free_space", *where]
    assert main(["label", str(frames / "bag"), str(frames / "typed"), *options]) == 0
    pose = CameraPose(1.5, math.pi / 6, -math.pi / 30, 1.0, -2.0, math.pi / 2)
    model = model_file.resolve("camvid")
    engine = create("onnxruntime", model)
    card = model_file.read_card(model)
    label(frames / "bag", frames / "meant", card, engine, OutputSettings(("free_space",), pose))
    engine.close()
    found = []
    for name in ("typed", "meant"):
        with BagReader(frames / name) as reader:
            messages = reader.messages(("/camera/segmentation/free_space",))
            found.append([from_cdr(FREE_SPACE, message.data) for message in messages])
    for typed, meant in zip(*found, strict=True):
        assert len(meant.range) == 48 and np.isfinite(meant.range).any()
        np.testing.assert_allclose(typed.range, meant.range, rtol=1e-6)
        np.testing.assert_allclose(typed.bearing, meant.bearing, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["bag", "create", "OUT"], "give one of --dataset, --images, --video, --street (none given)"),
        (["bag", "create", "OUT", "--street", "0"], "0 frames of the synthetic street: use 1 or more"),
        (["bag", "create", "OUT", "--images", "images", "--street", "1"], "--images and --street given"),
        (["bag", "create", "OUT", "--dataset", "camvid"], "--dataset camvid needs --data DIR"),
        (["bag", "create", "OUT", "--images", "images", "--labels", "labels"], "--labels needs --classes"),
        (["bag", "create", "OUT", "--images", "images", "--fov", "180"], "--fov 180.0: use degrees between"),
        (["bag", "create", "OUT", "--images", "images", "--rate", "0"], "--rate 0.0: use a number above 0"),
        (["bag", "create", "OUT", "--images", "images", "--quality", "0"], "--quality 0: use 1..100"),
        (["bag", "create", "OUT", "--images", "images", "--camera-info", "x.yaml"], "cannot read calibration x.yaml"),
        (["bag", "create", "images", "--images", "images"], "images exists: give another name"),
        (["bag", "info", "missing"], "there is no bag missing"),
        (["bag", "play", "missing"], "there is no bag missing"),
        (["bag", "play", "images", "--rate", "0"], "--rate 0.0: use a number above 0"),
        (["label", "missing", "OUT"], "there is no bag missing"),
        (["label", "images", "OUT", "--checkpoint", "0"], "--checkpoint 0"),
        (["evaluate", "--live"], "--live needs --bag BAG"),
        (["evaluate", "--live", "--bag", "b", "--frames", "3"], "--frames does not go with --live"),
        (["evaluate", "--live", "--bag", "b", "--model", "m"], "--model goes with --start"),
        (["evaluate", "--live", "--bag", "b", "--engine", "pytorch"], "--engine does not go with --live"),
        (["evaluate", "--live", "--bag", "b", "--threads", "1"], "--threads does not go with --live"),
    ],
)
def test_wrong_input_is_said(
    arguments: list[str],
    complaint: str,
    frames: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(frames)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("enet_ros: ") and complaint in error
    assert not (frames / "OUT").exists() and not (frames / "OUT.part").exists()


def test_a_damaged_bag_has_its_own_exit_code(frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bag", "create", str(frames / "bag"), "--images", str(frames / "images")]) == 0
    file = frames / "bag/bag.mcap"
    file.write_bytes(file.read_bytes()[:-20])
    assert main(["bag", "info", str(frames / "bag")]) == 1
    assert "damaged" in capsys.readouterr().out


def test_a_bag_is_played_as_it_was_recorded_unless_asked_otherwise() -> None:
    parser = argparse.ArgumentParser()
    bag_play.add_arguments(parser)
    args = parser.parse_args(["drive"])
    assert (args.rate, args.loop, args.start_paused, args.clock, args.restamp) == (1.0, False, False, 0.0, False)
    assert (args.topics, args.exclude, args.remap, args.depth, args.wait) == (None, [], [], 10, 0.0)


def test_an_empty_file_has_no_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.mcap").touch()
    assert main(["bag", "info", str(tmp_path / "empty.mcap")]) == 1
    told = capsys.readouterr().out
    assert "0 messages, 0 bytes" in told and "damaged" in told and "UTC" not in told
