from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from enet_ros.ros.view.gathering import LONGEST_S, MAX_BYTES, PATIENCE_S, SETTLE_S, Gathering

ALL = ("mask", "picture", "confidence", "occupancy_grid")


def answered(look: Gathering, stamp: int, parts: tuple[str, ...], now_s: float) -> None:
    for part in parts:
        look.add(stamp, part, part.encode())
    look.finish(stamp, now_s)


def test_a_whole_frame_is_shown_once_its_last_output_has_had_time_to_come() -> None:
    look = Gathering(ALL)
    answered(look, 1, ALL, now_s=10.0)
    assert look.chosen(10.0) is None
    assert look.chosen(10.001 + SETTLE_S) == 1
    assert look.parts(1)["confidence"] == b"confidence"


def test_the_newest_whole_frame_is_shown() -> None:
    look = Gathering(ALL)
    for stamp in (1, 2):
        answered(look, stamp, ALL, now_s=10.0)
    answered(look, 3, ("mask",), now_s=10.0)
    assert look.chosen(11.0) == 2


def test_a_frame_that_is_not_answered_yet_is_not_shown() -> None:
    look = Gathering(("mask",))
    look.add(1, "mask", b"")
    assert look.chosen(1e6) is None


def test_without_a_whole_frame_patience_ends_and_the_fullest_is_shown() -> None:
    look = Gathering(ALL)
    answered(look, 1, ("mask", "picture", "confidence"), now_s=10.0)
    answered(look, 2, ("mask", "picture"), now_s=10.1)
    assert look.chosen(10.0 + PATIENCE_S - 0.01) is None
    assert look.chosen(10.0 + PATIENCE_S) == 1
    assert look.seen() == {"mask", "picture", "confidence"}


def test_a_slow_nodes_answer_to_the_first_picture_is_waited_for() -> None:
    look = Gathering(ALL)
    answered(look, 1, ("mask", "confidence"), now_s=10.0)  # its picture came before the look
    look.add(2, "picture", b"")
    assert look.chosen(10.0 + PATIENCE_S) is None
    assert look.chosen(10.0 + LONGEST_S) == 1
    answered(look, 2, ("mask", "confidence"), now_s=13.0)
    assert look.chosen(13.5) == 2


def test_no_picture_at_all_is_not_waited_for() -> None:
    look = Gathering(ALL)
    answered(look, 1, ("mask", "confidence"), now_s=10.0)
    assert look.chosen(10.0 + PATIENCE_S) == 1


def test_pictures_without_an_answer_do_not_pile_up() -> None:
    look = Gathering(ALL)
    for stamp in range(5):
        look.add(stamp, "picture", bytes(MAX_BYTES // 3))
    look.finish(0, 0.0)
    assert look.seen() == set()
    look.add(4, "mask", b"")
    assert look.parts(4).keys() == {"picture", "mask"}
    with pytest.raises(KeyError):
        look.parts(0)
