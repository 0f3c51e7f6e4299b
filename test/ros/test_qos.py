"""Profiles by the words of the parameters, matching, complaints."""

from __future__ import annotations

import copy

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from enet_ros.ros import qos
from enet_ros.ros.parameters import Parameters

BEST, RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
VOLATILE, KEPT = DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL


def words(profile: QoSProfile | None) -> tuple[object, ...]:
    assert profile is not None
    return profile.reliability, profile.durability, profile.depth


def test_the_camera_s_default_is_sensor_data_of_one() -> None:
    assert words(qos.camera(Parameters(), [])) == (BEST, VOLATILE, 1)


def test_the_words_are_taken() -> None:
    asked = Parameters(reliability="reliable", durability="transient_local", depth=7, deadline=0.5)
    profile = qos.camera(asked, [])
    assert words(profile) == (RELIABLE, KEPT, 7)
    assert profile.deadline.nanoseconds == 500_000_000


def test_outputs_are_as_the_parameters_say() -> None:
    assert words(qos.output(Parameters())) == (RELIABLE, VOLATILE, 1)
    assert words(qos.output(Parameters(output_depth=7, output_reliability="best_effort"))) == (BEST, VOLATILE, 7)


MATCH = Parameters(reliability="match", durability="match")


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ([("reliable", "volatile")], (RELIABLE, VOLATILE, 1)),
        ([("reliable", "transient_local")], (RELIABLE, KEPT, 1)),
        ([("best_effort", "volatile")], (BEST, VOLATILE, 1)),
        ([("reliable", "transient_local"), ("best_effort", "volatile")], (BEST, VOLATILE, 1)),
    ],
)
def test_match_hears_every_publisher(offered: list[tuple[str, str]], expected: tuple[object, ...]) -> None:
    profiles = [qos.keep_last(10, *pair) for pair in offered]
    wanted = qos.camera(MATCH, profiles)
    assert words(wanted) == expected
    assert qos.complaints(profiles, [wanted]) == []


def test_match_waits_for_a_publisher() -> None:
    assert qos.camera(MATCH, []) is None
    assert qos.camera(Parameters(durability="match"), []) is None


def test_a_latched_calibration_is_asked_for() -> None:
    assert words(qos.camera_info([qos.latched()])) == (RELIABLE, KEPT, 1)
    assert words(qos.camera_info([])) == (BEST, VOLATILE, 1)
    assert words(qos.camera_info([qos.latched(), qos.keep_last(1, "best_effort")])) == (BEST, VOLATILE, 1)


def test_complaints_name_the_policy() -> None:
    (reason,) = qos.complaints([qos.keep_last(1, "best_effort")] * 2, [qos.keep_last(1, "reliable")])
    assert "reliable" in reason.lower()
    assert qos.complaints([qos.keep_last(1, "reliable")], [qos.keep_last(1, "best_effort")]) == []


def test_a_copy_is_equal_and_another() -> None:
    profile = qos.camera(Parameters(deadline=0.1, depth=3), [])
    copied = copy.copy(profile)
    assert copied == profile
    copied.depth = 9
    assert profile.depth == 3
