from __future__ import annotations

import pytest

from enet_ros.errors import DatasetError
from enet_ros.frames.files import Stamped, frame_number, stamps


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("0016E5_07959", ("0016E5", 7959)),
        ("0006R0_f00930", ("0006R0", 930)),
        ("Seq05VD_f00000_L", ("Seq05VD", 0)),
        ("aachen_000000_000019_leftImg8bit", ("aachen_000000", 19)),
        ("12", ("", 12)),
    ],
)
def test_frame_number(stem: str, expected: tuple[str, int]) -> None:
    assert frame_number(stem) == expected


def test_a_name_without_number_is_refused_with_the_remedy() -> None:
    with pytest.raises(DatasetError, match=r"'overview' has no frame number.*--stamps order"):
        frame_number("overview")


def test_camvid_frame_7959_is_265_3_seconds() -> None:
    assert stamps(["0016E5_07961", "0016E5_07959"], 30.0, "number") == [
        Stamped(1, 265_300_000_000),
        Stamped(0, 265_366_666_667),
    ]


def test_a_second_sequence_begins_a_second_after_the_first() -> None:
    found = stamps(["B_100", "B_130", "A_30", "A_60"], 30.0, "number")
    assert found == [Stamped(2, 1 * 10**9), Stamped(3, 2 * 10**9), Stamped(0, 3 * 10**9), Stamped(1, 4 * 10**9)]


def test_frame_zero_does_not_get_the_stamp_that_means_unset() -> None:
    assert [s.stamp_ns for s in stamps(["f0", "f1"], 10.0, "number")] == [100_000_000, 200_000_000]


def test_order_and_nanoseconds() -> None:
    assert [s.stamp_ns for s in stamps(["b", "a"], 4.0, "order")] == [250_000_000, 500_000_000]
    assert stamps(["1403636579763555584", "1403636579713555456"], 1.0, "nanoseconds") == [
        Stamped(1, 1403636579713555456),
        Stamped(0, 1403636579763555584),
    ]


def test_two_frames_of_one_number_and_a_rate_of_zero_are_refused() -> None:
    with pytest.raises(DatasetError, match="frame 7 of sequence 'a' is there twice"):
        stamps(["a_7", "a_007"], 30.0, "number")
    with pytest.raises(DatasetError, match=r"rate of 0\.0 Hz"):
        stamps(["a_7"], 0.0, "number")
