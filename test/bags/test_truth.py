from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from enet_ros.bags import BagWriter, LabelledBag
from enet_ros.bags.messages import compressed_cdr, image_cdr
from enet_ros.bags.types import COMPRESSED, IMAGE
from enet_ros.classes import CAMVID
from enet_ros.errors import BagError, ImageError
from enet_ros.messages import Header

MakeBag = Callable[..., Path]
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
def test_frames_and_truth_come_back_exactly(make_bag: MakeBag, compression: str) -> None:
    with LabelledBag(make_bag(compression=compression)) as bag:
        assert bag.classes == CAMVID.names
        assert len(bag) == 5
        frames = list(bag)
    topic = "/camera/image_raw" + ("/compressed" if compression == "png" else "")
    assert [(f.name, f.stamp_ns) for f in frames] == [(f"{topic}#{i}", (i + 1) * 100_000_000) for i in range(5)]
    for index, frame in enumerate(frames):
        rng = np.random.default_rng(index)  # as conftest.frame draws them
        np.testing.assert_array_equal(frame.image, rng.integers(0, 256, (24, 32, 3), np.uint8))
        expected = rng.integers(0, CAMVID.num_classes, (24, 32), np.uint8)
        expected[0] = 255
        np.testing.assert_array_equal(frame.truth, expected)
        assert frame.image.flags.writeable


def test_pairs_are_made_by_stamp_whatever_the_order(tmp_path: Path) -> None:
    messages = [truth(20), image(10), image(20), image(30), truth(30), image(40), truth(10)]
    with LabelledBag(write(tmp_path / "bag", messages, TOPICS)) as bag:
        assert [frame.stamp_ns for frame in bag] == [20, 30, 10]
        assert bag.classes is None


def test_a_truth_of_another_size_names_the_message(tmp_path: Path) -> None:
    messages = [image(1), truth(1), image(2), truth(2, TRUTH[:3])]
    with LabelledBag(write(tmp_path / "bag", messages, TOPICS)) as bag:
        frames = iter(bag)
        assert next(frames).stamp_ns == 1
        with pytest.raises(BagError, match=r"truth 1 has 8x3 pixels, its image, message 1 of /cam/image_raw, 8x6"):
            next(frames)


def test_a_truth_in_colour_and_a_broken_image_name_the_message(tmp_path: Path) -> None:
    with (
        LabelledBag(write(tmp_path / "a", [image(1), truth(1, RGB, "rgb8")], TOPICS)) as bag,
        pytest.raises(BagError, match="message 0 of /cam/ground_truth: .*'rgb8': class ids need mono8"),
    ):
        list(bag)
    jpeg = ("/cam/image_raw", compressed_cdr(Header(1, "cam"), b"\xff\xd8\xff\xe0 no jpeg", "jpeg"))
    with (
        LabelledBag(write(tmp_path / "b", [jpeg, truth(1)], {**TOPICS, "/cam/image_raw": COMPRESSED})) as bag,
        pytest.raises(BagError, match="message 0 of /cam/image_raw: "),
    ):
        list(bag)


def test_an_image_that_claims_too_many_pixels_is_refused_before_decoding(tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    bomb = ("/cam/image_raw", compressed_cdr(Header(1, "cam"), png, "png"))
    with (
        LabelledBag(write(tmp_path / "b", [bomb, truth(1)], {**TOPICS, "/cam/image_raw": COMPRESSED})) as bag,
        pytest.raises(BagError, match="60000x60000 pixels is over the limit") as raised,
    ):
        list(bag)
    assert isinstance(raised.value.__cause__, ImageError)


def test_topics_are_chosen_or_asked_for(tmp_path: Path) -> None:
    topics = {**TOPICS, "/cam/image_color": IMAGE, "/map": "nav_msgs/msg/OccupancyGrid"}
    path = write(tmp_path / "bag", [image(1), truth(1)], topics)
    with pytest.raises(BagError, match=r"no single image topic for /cam/ground_truth: choose one by --image-topic"):
        LabelledBag(path)
    with LabelledBag(path, "/cam/image_raw") as bag:
        assert len(list(bag)) == 1
    with pytest.raises(BagError, match="/map is of type nav_msgs/msg/OccupancyGrid, not sensor_msgs/msg/Image"):
        LabelledBag(path, "/map")
    with pytest.raises(BagError, match="has 0 topics named ground_truth: choose one by --truth-topic"):
        LabelledBag(write(tmp_path / "none", [image(1)], {"/cam/image_raw": IMAGE}))


def test_images_without_truth_do_not_pile_up(tmp_path: Path) -> None:
    messages = [image(stamp) for stamp in range(1, 301)] + [truth(1), truth(300)]
    with LabelledBag(write(tmp_path / "bag", messages, TOPICS)) as bag:
        assert [frame.stamp_ns for frame in bag] == [300]  # 1 was let go: only the last 128 wait
