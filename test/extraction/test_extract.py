"""`enet_ros bag extract`: real bags with odometry and TF, a real engine, a run that was killed."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from enet_ros import model_file
from enet_ros.bags.messages import compressed_cdr, image_cdr, typestore
from enet_ros.bags.reader import BagReader
from enet_ros.bags.writer import BagWriter
from enet_ros.classes import CAMVID
from enet_ros.cli import main
from enet_ros.codec import compress
from enet_ros.datasets.annotations import cvat, drawn
from enet_ros.errors import PlaceError
from enet_ros.extraction import run
from enet_ros.extraction.pictures import Row, manifest
from enet_ros.fleet import scanning
from enet_ros.messages import Header
from enet_ros.places import Place

STEP_NS = 500_000_000
IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
ODOMETRY, TF = "nav_msgs/msg/Odometry", "tf2_msgs/msg/TFMessage"


def picture(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return cv2.resize(rng.integers(0, 256, (6, 8, 3)).astype(np.uint8), (96, 72), interpolation=cv2.INTER_CUBIC)


def placed(kind: str, stamp_ns: int, x: float) -> bytes:
    """Odometry, or TF of odom -> base_link, at x metres."""
    types = typestore().types
    make = lambda name, *values: types[name](*values)  # noqa: E731
    header = make("std_msgs/msg/Header", make("builtin_interfaces/msg/Time", *divmod(stamp_ns, 10**9)), "odom")
    turn = make("geometry_msgs/msg/Quaternion", 0.0, 0.0, 0.0, 1.0)
    zero = make("geometry_msgs/msg/Vector3", 0.0, 0.0, 0.0)
    if kind == TF:
        moved = make("geometry_msgs/msg/Transform", make("geometry_msgs/msg/Vector3", x, 0.0, 0.0), turn)
        message = make(TF, [make("geometry_msgs/msg/TransformStamped", header, "base_link", moved)])
    else:
        pose = make("geometry_msgs/msg/Pose", make("geometry_msgs/msg/Point", x, 0.0, 0.0), turn)
        twist = make("geometry_msgs/msg/TwistWithCovariance", make("geometry_msgs/msg/Twist", zero, zero), np.zeros(36))
        message = make(
            ODOMETRY, header, "base_link", make("geometry_msgs/msg/PoseWithCovariance", pose, np.zeros(36)), twist
        )
    return bytes(typestore().serialize_cdr(message, kind))


def drive(path: Path, frames: int, place: str = "", jpeg: bool = True, first: int = 0) -> Path:
    """A picture every half second, the third and fourth alike; the robot drives a metre from each to the next."""
    with BagWriter(path) as bag:
        topic = "/cam/image_raw" + ("/compressed" if jpeg else "")
        bag.add_topic(topic, COMPRESSED if jpeg else IMAGE)
        if place:
            bag.add_topic("/tf" if place == TF else "/odom", place)
        for index in range(frames):
            stamp = (index + 1) * STEP_NS
            rgb = picture(first + (2 if index == 3 else index))
            header = Header(stamp, "cam")
            data = compressed_cdr(header, compress(rgb, "jpeg", 90), "jpeg") if jpeg else image_cdr(header, rgb, "rgb8")
            bag.write(topic, stamp, data)
            if place:
                bag.write("/tf" if place == TF else "/odom", stamp, placed(place, stamp, float(index)))
    return path


def extract(*args: object) -> int:
    return main(["bag", "extract", *map(str, args)])


def rows(out: Path) -> list[SimpleNamespace]:
    with (out / "manifest.csv").open() as file:
        return [SimpleNamespace(**row) for row in csv.DictReader(file)]


def test_pictures_are_the_recorded_bytes_and_the_manifest_names_them(tmp_path) -> None:
    bag = drive(tmp_path / "monday", 7)
    assert extract(bag, "-o", tmp_path / "out", "--every", "1s") == 0
    found = rows(tmp_path / "out")
    assert [row.number for row in found] == ["0", "2", "4", "6"] and found[0].drive == "monday" and found[0].x == ""
    assert [int(row.stamp_ns) for row in found] == [STEP_NS * n for n in (1, 3, 5, 7)]
    first = tmp_path / "out" / found[0].file
    assert first.read_bytes() == compress(picture(0), "jpeg", 90)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"images", "manifest.csv"}
    assert not (tmp_path / "out.part").exists()


def test_raw_images_become_png_and_duplicates_are_left_out(tmp_path) -> None:
    bag = drive(tmp_path / "d", 5, jpeg=False)
    assert extract(bag, "-o", tmp_path / "out", "--every", "500ms") == 0
    found = rows(tmp_path / "out")
    assert [row.number for row in found] == ["0", "1", "2", "4"]
    stored = cv2.imread(str(tmp_path / "out" / found[1].file))[..., ::-1]
    np.testing.assert_array_equal(stored, picture(1))
    assert extract(bag, "-o", tmp_path / "all", "--every", "500ms", "--unlike", "0") == 0
    assert len(rows(tmp_path / "all")) == 5


def test_swapped_colours_are_put_right(tmp_path) -> None:
    """What compressed_image_transport writes of rgb8 images, where its format says so."""
    payload = compress(picture(0)[..., ::-1], "png")
    with BagWriter(tmp_path / "d") as bag:
        bag.add_topic("/cam/image_raw/compressed", COMPRESSED)
        cdr = compressed_cdr(Header(STEP_NS, "cam"), payload, "rgb8; png compressed rgb8")
        bag.write("/cam/image_raw/compressed", STEP_NS, cdr)
    assert extract(tmp_path / "d", "-o", tmp_path / "out", "--every", "1s") == 0
    stored = cv2.imread(str(tmp_path / "out" / rows(tmp_path / "out")[0].file))[..., ::-1]
    np.testing.assert_array_equal(stored, picture(0))


@pytest.mark.parametrize("place", [ODOMETRY, TF])
def test_moved_by_odometry_and_by_tf(tmp_path, place) -> None:
    bag = drive(tmp_path / "d", 8, place)
    assert extract(bag, "-o", tmp_path / "out", "--moved", "2m") == 0
    found = rows(tmp_path / "out")
    assert [(row.number, float(row.x), float(row.qw)) for row in found] == [(str(n), n, 1) for n in (0, 2, 4, 6)]


@pytest.mark.parametrize("tf", [True, False])
def test_odometry_that_cannot_be_read_leaves_tf(tmp_path, capsys, tf) -> None:
    bag = drive(tmp_path / "whole", 4, TF if tf else "")
    with BagReader(bag) as reader, BagWriter(tmp_path / "d") as copy:
        for topic in reader.topics:
            copy.add_topic(topic.name, topic.type)
        copy.add_topic("/odom", ODOMETRY)
        for message in reader.messages():
            copy.write(message.topic, message.log_ns, message.data)
            copy.write("/odom", message.log_ns, b"\0\1\0\0damaged")
    assert extract(tmp_path / "d", "-o", tmp_path / "out", "--moved", "2m", "--unlike", "0") == (0 if tf else 2)
    if tf:
        assert [row.number for row in rows(tmp_path / "out")] == ["0", "2"]
    else:
        assert "how far the robot moved: it has no odometry (nav_msgs/Odometry) and no TF" in capsys.readouterr().err


def test_places_on_a_map_keep_their_millimetres() -> None:
    pose = (691603.123, 4649776.224, 12.5, 0.0, 0.0, 0.70710678, 0.70710678)
    row = Row("a.png", "d", "d", "/t", 0, 1, 1, pose, 0.123456789, float("nan"))
    (read,) = csv.DictReader(manifest([row]).splitlines())
    assert [float(read[name]) for name in ("x", "y", "z")] == list(pose[:3])
    assert (read["qw"], read["uncertainty"], read["disagreement"]) == ("0.707107", "0.123457", "")


@pytest.fixture
def models(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return ["--model", "camvid", "--engine", "openvino", "--threads", "1"]


def test_two_drives_are_scored_and_prelabelled(tmp_path, models) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    pytest.importorskip("torch", reason="torch is not installed: ./run test installs it")
    for name, first in (("a", 0), ("b", 50)):
        drive(tmp_path / "drives" / name, 4, first=first)
    out = tmp_path / "out"
    assert extract(tmp_path / "drives", "-o", out, "--count", "4", "--by", "mixed", "--prelabel", *models) == 0
    found = rows(out)
    assert len(found) == 4 and {row.drive for row in found} == {"a", "b"}
    assert all(0 < float(row.uncertainty) < 1 and 0 <= float(row.disagreement) <= 1 for row in found)
    (first, *_) = annotated = cvat.read(out)
    assert [f"images/{each.name}" for each in annotated] == [row.file for row in found]
    mask = cv2.imread(str((out / "labels" / first.name).with_suffix(".png")), cv2.IMREAD_UNCHANGED)
    again = drawn(first, {name: index for index, name in enumerate(CAMVID.names)})
    assert mask.shape == (72, 96) and (again == mask)[again != 255].mean() > 0.9
    assert (
        "road" in (out / "classes.yaml").read_text() and (out / "coco.json").exists() and (out / "labels.json").exists()
    )


def test_a_killed_run_goes_on_and_gives_the_same(tmp_path, monkeypatch, capsys) -> None:
    bags = [drive(tmp_path / name, 6, first=10 * n) for n, name in enumerate("ab")]
    options = ("--every", "1s")
    assert extract(*bags, "-o", tmp_path / "whole", *options) == 0
    write, calls = run.write_pictures, []

    def killed(drive, *rest):
        calls.append(drive.name)
        if drive.name == "b" and len(calls) == 2:
            raise KeyboardInterrupt
        return write(drive, *rest)

    monkeypatch.setattr(run, "write_pictures", killed)
    assert extract(*bags, "-o", tmp_path / "out", *options) == 130
    assert not (tmp_path / "out").exists() and (tmp_path / "out.part" / "images" / "a").is_dir()
    assert extract(*bags, "-o", tmp_path / "out", "--every", "2s") == 2
    assert "repeat those to go on" in capsys.readouterr().err
    monkeypatch.setattr(scanning, "scan", None)  # the drives are not scanned again
    assert extract(*bags, "-o", tmp_path / "out", *options) == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole") and len(contents(tmp_path / "out")) == 7


def test_another_choice_begins_with_what_was_scanned(tmp_path, monkeypatch) -> None:
    """Other drives, another number: no scan is lost, and no picture of the first choice stays."""
    bags = [drive(tmp_path / name, 6, first=10 * n) for n, name in enumerate("ab")]
    scan, write, scanned = scanning.scan, run.write_pictures, []

    def seen(name, *rest):
        scanned.append(name)
        return scan(name, *rest)

    def killed(drive, *rest):
        write(drive, *rest)
        raise KeyboardInterrupt

    monkeypatch.setattr(scanning, "scan", seen)
    monkeypatch.setattr(run, "write_pictures", killed)
    assert extract(*bags, "-o", tmp_path / "out", "--every", "1s") == 130
    assert len(list((tmp_path / "out.part/images/a").iterdir())) == 3 and scanned == ["a", "b"]
    monkeypatch.setattr(run, "write_pictures", write)
    more = drive(tmp_path / "c", 6, first=20)
    assert extract(bags[0], more, "-o", tmp_path / "out", "--every", "1s", "--count", "2") == 0
    assert scanned == ["a", "b", "c"]
    assert extract(bags[0], more, "-o", tmp_path / "whole", "--every", "1s", "--count", "2") == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole") and len(contents(tmp_path / "out")) == 3


def test_scans_of_another_model_or_bag_are_not_gone_on_with(tmp_path, monkeypatch, capsys, models) -> None:
    """The same tensors with other means are another model."""
    pytest.importorskip("openvino", reason="openvino is not installed")
    bag, asked = drive(tmp_path / "a", 4), []
    card, tensors = model_file.load(model_file.resolve("camvid"))
    model_file.save(tmp_path / "other.safetensors", card.with_(mean=(60.0, 60.0, 60.0)), tensors)
    options = (bag, "-o", tmp_path / "out", "--count", "2", "--by", "uncertainty", *models)
    choose, scan = run.choose, scanning.scan

    def interrupted(*_):
        raise KeyboardInterrupt

    def seen(name, *rest):
        asked.append(name)
        return scan(name, *rest)

    monkeypatch.setattr(run, "choose", interrupted)
    monkeypatch.setattr(scanning, "scan", seen)
    assert extract(*options) == 130 and asked == ["a"]
    for other in (("--model", tmp_path / "other.safetensors"), ("--engine", "onnxruntime"), ("--by", "mixed")):
        assert extract(*options, *other) == 2
        assert "has scans of a run with other options or another model" in capsys.readouterr().err
    monkeypatch.setattr(run, "choose", choose)
    (file,) = bag.glob("*.mcap")
    os.utime(file, (1, 1))
    assert extract(*options) == 0 and asked == ["a", "a"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "say which frames"),
        (["--every", "2"], "--every 2: write a number and its unit (s, ms)"),
        (["--moved", "2m"], "does not tell how far the robot moved"),
        (
            ["turned", "--moved", "2m", "--base-frame", "cart"],
            "moves no frame 'cart' (base_link): name one by --base-frame",
        ),
        (["--every", "1s", "--by", "novelty"], "needs --count"),
        (["--count", "2", "--against", "camvid"], "--against is for"),
        (["--every", "1s", "--topics", "/cam/nothing"], "has no topic '/cam/nothing'"),
        (["blind", "--every", "1s"], "blind has no camera topic"),
        (["none", "--every", "1s"], "none"),
    ],
)
def test_bad_input_is_told_before_anything_is_written(tmp_path, monkeypatch, capsys, options, message) -> None:
    monkeypatch.chdir(tmp_path)
    drive(tmp_path / "d", 2)
    drive(tmp_path / "turned", 2, TF)
    with BagWriter(tmp_path / "blind") as bag:
        bag.add_topic("/odom", ODOMETRY)
        bag.write("/odom", 1, placed(ODOMETRY, 1, 0.0))
    assert extract("-o", "out", "--unlike", "4", *([] if {"turned", "blind"} & {*options} else ["d"]), *options) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_from_a_store_as_from_a_folder_and_a_broken_bag_costs_the_others_nothing(tmp_path, capsys, monkeypatch) -> None:
    """The same bytes but for where the manifest says the bag is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bags = tmp_path / "bags"
    for number, name in enumerate("ab"):
        drive(bags / name, 4, first=10 * number)
    options = ("--count", "3", "--unlike", "0")
    assert extract(bags / "*", "-o", tmp_path / "local", *options) == 0
    (bags / "broken.mcap").write_bytes(b"no bag")
    store = Place.of("memory://extract")
    for file in Place.of(bags).files():
        (store / file.path).put(bags / file.path)
    out = tmp_path / "out"
    assert extract(store, "-o", out, *options) == 1
    assert "not read: memory://extract/broken.mcap has no camera topic" in capsys.readouterr().err
    found = contents(out)
    found["manifest.csv"] = found["manifest.csv"].replace(b"memory://extract", str(bags).encode())
    assert found == contents(tmp_path / "local") and len(found) == 4
    store.remove()


def test_a_store_that_fails_for_now_ends_it_and_it_goes_on(tmp_path, capsys, monkeypatch) -> None:
    """What was scanned is not scanned again; nothing is chosen without the rest."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store, out = Place.of("memory://flaky"), tmp_path / "out"
    for number, name in enumerate("ab"):
        (store / f"{name}.mcap").put(drive(tmp_path / name, 4, first=10 * number) / f"{name}.mcap")
    get, scanned, scan = Place.get, [], scanning.scan

    def refuse(self: Place, target: Path) -> None:
        if self.name == "b.mcap":
            raise PlaceError("slow down")
        get(self, target)

    def seen(name: str, *rest: object) -> object:
        scanned.append(name)
        return scan(name, *rest)

    monkeypatch.setattr(Place, "get", refuse)
    monkeypatch.setattr(scanning, "scan", seen)
    assert extract(store, "-o", out, "--every", "1s") == 2
    assert "1 drives could not be scanned (b: slow down): the same command goes on" in capsys.readouterr().err
    assert not out.exists() and scanned == ["a"]
    monkeypatch.setattr(Place, "get", get)
    assert extract(store, "-o", out, "--every", "1s") == 0
    assert scanned == ["a", "b"] and {row.drive for row in rows(out)} == {"a", "b"}
    store.remove()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--unlike", "0"), "there are no other frames to choose from"),
        ((), "the others are too like these (--unlike 5)"),
    ],
)
def test_fewer_pictures_than_asked_for_say_why(tmp_path, capsys, options, why) -> None:
    assert extract(drive(tmp_path / "d", 5), "-o", tmp_path / "out", "--count", "9", *options) == 0
    assert f"9 were asked for; {why}" in capsys.readouterr().err


def test_two_drives_that_would_have_one_name_are_refused(tmp_path, capsys) -> None:
    for name in ("day/1_x", "day_1/x"):
        drive(tmp_path / "drives" / name, 2)
    assert extract(tmp_path / "drives", "-o", tmp_path / "out", "--every", "1s") == 2
    error = capsys.readouterr().err
    assert "day/1_x and " in error and "day_1/x would both be called day_1_x" in error


def test_a_damaged_drive_gives_what_is_readable(tmp_path, capsys) -> None:
    bag = drive(tmp_path / "d", 40, ODOMETRY, jpeg=False)
    shutil.copytree(bag, tmp_path / "cut")
    (file,) = (tmp_path / "cut").glob("*.mcap")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert extract(tmp_path / "cut", "-o", tmp_path / "out", "--every", "500ms", "--unlike", "0") == 1
    assert 1 < len(rows(tmp_path / "out")) < 40
    assert rows(tmp_path / "out")[1].x == "1.000"
    assert "not read" in capsys.readouterr().err
