"""Gaps in the middleware's numbers, and a callback that gets them from every executor."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

import rclpy
from ros_rig import wait_for
from std_msgs.msg import Header

from enet_ros.ros import process, qos
from enet_ros.ros.node.losses import SequenceGaps, WithInfo


def info(number: int | None, gid: bytes = b"a") -> dict[str, Any]:
    return {"publication_sequence_number": number, "publisher_gid": {"data": gid}}


def test_gaps_are_counted() -> None:
    gaps = SequenceGaps()
    assert [gaps.add(info(n)) for n in (7, 8, 10, 14, 15)] == [0, 0, 1, 3, 0]


def test_each_publisher_counts_for_itself() -> None:
    gaps = SequenceGaps()
    assert [gaps.add(info(1, b"a")), gaps.add(info(50, b"b")), gaps.add(info(2, b"a")), gaps.add(info(52, b"b"))] == [
        0,
        0,
        0,
        1,
    ]


def test_a_number_that_falls_begins_anew() -> None:
    gaps = SequenceGaps()
    assert [gaps.add(info(n)) for n in (100, 1, 2)] == [0, 0, 0]


def test_a_middleware_without_numbers() -> None:
    assert SequenceGaps().add(info(None)) is None
    assert SequenceGaps().add(None) is None
    assert SequenceGaps().add({"source_timestamp": 1}) is None


@pytest.mark.parametrize("choice", ["auto", "single"])
def test_message_and_info_from_every_executor(ros: int, choice: str) -> None:
    node = rclpy.create_node("numbered")
    heard: list[tuple[Any, Any]] = []
    node.create_subscription(
        Header, "stamps", WithInfo(lambda *both: heard.append(both)), qos.keep_last(10, "reliable")
    )
    publisher = node.create_publisher(Header, "stamps", qos.keep_last(10, "reliable"))
    executor = process.make_executor(choice)
    executor.add_node(node)
    wait_for(lambda: publisher.get_subscription_count() == 1)
    for name in ("one", "two"):
        publisher.publish(Header(frame_id=name))
    wait_for(lambda: executor.spin_once(timeout_sec=0.1) or len(heard) == 2)
    assert [message.frame_id for message, _ in heard] == ["one", "two"]
    assert [found["publication_sequence_number"] for _, found in heard] == [1, 2]
    executor.remove_node(node)
    node.destroy_node()
