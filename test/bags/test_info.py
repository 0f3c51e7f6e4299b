from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from enet_ros.bags.info import TopicInfo, inspect

MakeBag = Callable[..., Path]


@pytest.mark.parametrize(("compression", "content"), [("none", "32x24 rgb8"), ("jpeg", "32x24 jpeg")])
def test_what_a_bag_holds(make_bag: MakeBag, compression: str, content: str) -> None:
    info = inspect(make_bag(compression=compression))
    assert (info.messages, info.start_ns, info.duration_s, info.damage) == (15, 100_000_000, 0.4, None)
    by_name = {topic.name: topic for topic in info.topics}
    images = by_name["/camera/image_raw" + ("/compressed" if compression == "jpeg" else "")]
    assert (images.messages, images.rate_hz, images.content) == (5, 10.0, content)
    assert by_name["/camera/camera_info"].content == "32x24 plumb_bob"
    truth = by_name["/camera/ground_truth"]
    assert truth.size_bytes == 5 * (24 * 32 + truth_overhead())
    assert (truth.gaps, truth.longest_gap_s) == (0, 0.0)


def truth_overhead() -> int:
    """CDR: encapsulation, stamp, frame_id (and alignment), height and width, encoding, endianness (and alignment),
    step, length of the data."""
    return 4 + 8 + 4 + 21 + 3 + 8 + 4 + 6 + 1 + 1 + 4 + 4


def test_gaps(tmp_path: Path) -> None:
    from enet_ros.bags import BagWriter
    from enet_ros.bags.messages import IMAGE

    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/image", IMAGE)
        for tenth in (0, 1, 2, 3, 7, 8, 10, 11):  # frames 4, 5, 6 and 9 are missing
            bag.write("/image", tenth * 100_000_000, b"\0\1\0\0 no image")
    (topic,) = inspect(tmp_path / "bag").topics
    assert topic == TopicInfo("/image", IMAGE, 8, 8 * 13, 10.0, topic.content, 2, 0.4)
    assert topic.content.startswith("unreadable: 13 bytes are not a sensor_msgs/msg/Image")


def test_a_damaged_bag_is_described_as_far_as_it_goes(make_bag: MakeBag) -> None:
    bag = make_bag(frames=8, size=360)
    data = (bag / "bag.mcap").read_bytes()
    (bag / "bag.mcap").write_bytes(data[: len(data) // 2])
    info = inspect(bag)
    assert info.damage is not None and "is damaged at message" in info.damage
    assert 0 < info.messages < 24
