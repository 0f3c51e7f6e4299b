"""config/*.yaml against the parameters' declaration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from enet_ros.ros.parameters import DEFAULTS, SPECS, Parameters

CONFIG = Path(__file__).resolve().parent.parent / "config"


def values(name: str) -> dict[str, Any]:
    content = yaml.safe_load((CONFIG / name).read_text())
    assert list(content) == ["/**"], "another key would miss the node in a namespace"
    assert list(content["/**"]) == ["ros__parameters"]
    return dict(content["/**"]["ros__parameters"])


def test_segment_yaml_holds_the_defaults() -> None:
    assert Parameters(**values("segment.yaml")) == DEFAULTS


def test_camera_pose_yaml_is_valid() -> None:
    assert Parameters(**values("camera_pose.yaml")).camera_height > 0


def test_every_parameter_is_in_one_file() -> None:
    # autostart belongs to the launch file
    assert sorted([*values("segment.yaml"), *values("camera_pose.yaml"), "autostart"]) == sorted(SPECS)


@pytest.mark.parametrize("name", [name for name in SPECS if isinstance(getattr(DEFAULTS, name), float)])
def test_floats_are_written_as_floats(name: str) -> None:
    # rclpy refuses an integer for a parameter of type double
    both = values("segment.yaml") | values("camera_pose.yaml")
    assert isinstance(both[name], float)
