from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from enet_ros.bags import BagReader, BagWriter
from enet_ros.bags.cameras import find_truth, truth_classes
from enet_ros.bags.create import BagLayout, create
from enet_ros.bags.messages import CAMERA_INFO, COMPRESSED, IMAGE, camera_info_cdr, compressed_cdr, image_cdr
from enet_ros.camera import CameraIntrinsics
from enet_ros.classes import CAMVID
from enet_ros.errors import BagError, ConfigError, ImageError
from enet_ros.frames import Frame, Source, bag
from enet_ros.frames.bag import from_bag, from_labelled_bag
from enet_ros.messages import Header

RGB = np.zeros((6, 8, 3), np.uint8)
TRUTH = np.ones((6, 8), np.uint8)


def write(path: Path, messages: list[tuple[str, memoryview]], topics: dict[str, str]) -> Path:
    with BagWriter(path) as bag:
        for name, msgtype in topics.items():
            bag.add_topic(name, msgtype)
        for log_ns, (topic, cdr) in enumerate(messages):
            bag.write(topic, log_ns, cdr)
    return path


def image(stamp: int, pixels=RGB) -> tuple[str, memoryview]:
    return "/cam/image_raw", image_cdr(Header(stamp, "cam"), pixels, "rgb8")


def truth(stamp: int, labels=TRUTH, encoding: str = "mono8") -> tuple[str, memoryview]:
    return "/cam/ground_truth", image_cdr(Header(stamp, "cam"), labels, encoding)


TOPICS = {"/cam/image_raw": IMAGE, "/cam/ground_truth": IMAGE}


@pytest.mark.parametrize("compression", ["none", "png"])
def test_frames_and_truth_come_back_exactly(tmp_path: Path, compression: str) -> None:
    rng = np.random.default_rng(0)
    written = []
    for index in range(5):
        labels = rng.integers(0, CAMVID.num_classes, (24, 32)).astype(np.uint8)
        labels[0] = 255
        pixels = rng.integers(0, 256, (24, 32, 3)).astype(np.uint8)
        written.append(Frame(f"{index:06d}", (index + 1) * 100_000_000, pixels, labels))
    camera = CameraIntrinsics.from_fov(32, 24, 1.0)
    source = Source("noise", "", 5, 10.0, lambda: iter([lambda f=f: f for f in written]), CAMVID, camera)
    create(tmp_path / "bag", source, BagLayout(compression=compression))
    labelled = from_labelled_bag(tmp_path / "bag")
    assert labelled.table is CAMVID
    assert labelled.total == 5
    frames = list(labelled)
    for found in (frames, list(from_bag(tmp_path / "bag"))):
        assert [(f.name, f.stamp_ns) for f in found] == [(f.name, f.stamp_ns) for f in written]
        for frame, expected in zip(found, written, strict=True):
            np.testing.assert_array_equal(frame.rgb, expected.rgb)
            assert frame.rgb.flags.writeable
    for frame, expected in zip(frames, written, strict=True):
        assert frame.truth is not None and expected.truth is not None
        np.testing.assert_array_equal(frame.truth, expected.truth)


def test_a_labelled_bag_is_a_source(tmp_path: Path) -> None:
    path = write(tmp_path / "drive", [image(10), truth(10), image(20), truth(20), image(30), truth(30)], TOPICS)
    with pytest.raises(ConfigError, match="drive does not say what its ground truth means; add --classes TABLE"):
        from_labelled_bag(path)
    source = from_labelled_bag(path, table=CAMVID)
    assert (source.name, source.place, source.total) == ("drive", str(path.resolve()), 3)
    assert source.table is CAMVID and source.calibration is None
    assert [frame.stamp_ns for frame in source] == [frame.stamp_ns for frame in source] == [10, 20, 30]
    assert [frame.stamp_ns for frame in source.first(2)] == [10, 20]


def test_pairs_are_made_by_stamp_whatever_the_order(tmp_path: Path) -> None:
    messages = [truth(20), image(10), image(20), image(30), truth(30), image(40), truth(10)]
    path = write(tmp_path / "bag", messages, TOPICS)
    assert [frame.stamp_ns for frame in from_labelled_bag(path, table=CAMVID)] == [20, 30, 10]
    with BagReader(path) as reader:
        assert truth_classes(reader, find_truth(reader)) is None


def test_a_truth_of_another_size_names_the_message(tmp_path: Path) -> None:
    messages = [image(1), truth(1), image(2), truth(2, TRUTH[:3])]
    frames = iter(from_labelled_bag(write(tmp_path / "bag", messages, TOPICS), table=CAMVID))
    assert next(frames).stamp_ns == 1
    with pytest.raises(BagError, match=r"truth 1 has 8x3 pixels, its image, message 1 of /cam/image_raw, has 8x6"):
        next(frames)


def test_a_truth_in_colour_and_a_broken_image_name_the_message(tmp_path: Path) -> None:
    source = from_labelled_bag(write(tmp_path / "a", [image(1), truth(1, RGB, "rgb8")], TOPICS), table=CAMVID)
    with pytest.raises(BagError, match="message 0 of /cam/ground_truth: .*'rgb8': class ids need mono8"):
        list(source)
    jpeg = ("/cam/image_raw", compressed_cdr(Header(1, "cam"), b"\xff\xd8\xff\xe0 no jpeg", "jpeg"))
    source = from_labelled_bag(
        write(tmp_path / "b", [jpeg, truth(1)], {**TOPICS, "/cam/image_raw": COMPRESSED}), table=CAMVID
    )
    with pytest.raises(BagError, match="message 0 of /cam/image_raw: "):
        list(source)


def test_an_image_that_claims_too_many_pixels_is_refused_before_decoding(tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    bomb = ("/cam/image_raw", compressed_cdr(Header(1, "cam"), png, "png"))
    source = from_labelled_bag(
        write(tmp_path / "b", [bomb, truth(1)], {**TOPICS, "/cam/image_raw": COMPRESSED}), table=CAMVID
    )
    with pytest.raises(BagError, match="60000x60000 pixels is over the limit") as raised:
        list(source)
    assert isinstance(raised.value.__cause__, ImageError)


def test_topics_are_chosen_or_asked_for(tmp_path: Path) -> None:
    topics = {**TOPICS, "/cam/image_color": IMAGE, "/map": "nav_msgs/msg/OccupancyGrid"}
    path = write(tmp_path / "bag", [image(1), truth(1)], topics)
    with pytest.raises(BagError, match=r"no single image topic for /cam/ground_truth: choose one by --image-topic"):
        from_labelled_bag(path)
    assert len(list(from_labelled_bag(path, "/cam/image_raw", table=CAMVID))) == 1
    with pytest.raises(BagError, match="/map is of type nav_msgs/msg/OccupancyGrid, not sensor_msgs/msg/Image"):
        from_labelled_bag(path, "/map")
    with pytest.raises(BagError, match="has 0 topics named ground_truth: choose one by --truth-topic"):
        from_labelled_bag(write(tmp_path / "none", [image(1)], {"/cam/image_raw": IMAGE}))


def test_images_without_truth_do_not_pile_up(tmp_path: Path) -> None:
    messages = [image(stamp) for stamp in range(1, 301)] + [truth(1), truth(300)]
    source = from_labelled_bag(write(tmp_path / "bag", messages, TOPICS), table=CAMVID)
    assert [frame.stamp_ns for frame in source] == [300]  # 1 was let go: only the last 128 wait


def test_what_waits_for_a_truth_takes_little_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raw images of 1920x1080 have 6 MB each."""
    messages = [image(stamp) for stamp in range(1, 7)] + [truth(1), truth(6)]
    path = write(tmp_path / "bag", messages, TOPICS)
    assert [frame.stamp_ns for frame in from_labelled_bag(path, table=CAMVID)] == [1, 6]
    monkeypatch.setattr(bag, "_MOST_WAITING_BYTES", 3 * (RGB.size + 100))
    assert [frame.stamp_ns for frame in from_labelled_bag(path, table=CAMVID)] == [6]


@pytest.fixture
def drive(tmp_path: Path) -> tuple[Path, CameraIntrinsics]:
    """Six frames at 20 Hz, with a calibration."""
    lens = CameraIntrinsics.from_fov(32, 24, 1.0)
    frames = [Frame(str(n), (n + 1) * 50_000_000, np.full((24, 32, 3), n, np.uint8)) for n in range(6)]
    source = Source("six", "six", 6, 20.0, lambda: iter([lambda f=f: f for f in frames]), calibration=lens)
    create(tmp_path / "drive", source, BagLayout(prefix="/cam"))
    return tmp_path / "drive", lens


def test_a_bag_with_its_calibration(drive: tuple[Path, CameraIntrinsics]) -> None:
    path, lens = drive
    source = from_bag(path)
    frames = list(source)
    assert source.total == 6 and source.rate_hz == pytest.approx(20.0, rel=0.01)
    assert [int(frame.rgb[0, 0, 0]) for frame in frames] == list(range(6))
    assert [frame.name for frame in frames] == [f"{n:06d}" for n in range(6)]
    assert source.calibration is not None and source.calibration.k == pytest.approx(lens.k)
    assert source.table is None and all(frame.truth is None for frame in frames)


def test_another_cameras_calibration_is_not_taken(drive: tuple[Path, CameraIntrinsics], tmp_path: Path) -> None:
    path, lens = drive
    with BagReader(path) as reader, BagWriter(tmp_path / "two") as bag:
        bag.add_topic("/cam/image_raw", IMAGE)
        bag.add_topic("/cam2/camera_info", CAMERA_INFO)
        bag.write("/cam2/camera_info", 1, camera_info_cdr(Header(1, "c"), lens))
        for message in reader.messages(["/cam/image_raw"]):
            bag.write(message.topic, message.log_ns, message.data)
    source = from_bag(tmp_path / "two")
    assert source.total == 6 and source.calibration is None


def test_a_bag_that_is_none_or_has_no_image(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="there is no bag"):
        from_bag(tmp_path / "none.mcap")
    empty = write(tmp_path / "empty", [], {"/cam/image_raw": IMAGE})
    with pytest.raises(BagError, match=r"empty has no camera topic; name one of its topics: /cam/image_raw \[sensor_"):
        from_bag(empty)
    with pytest.raises(BagError, match=r"topic /cam/image_raw of .*empty has no image: choose another"):
        from_bag(empty, "/cam/image_raw")
