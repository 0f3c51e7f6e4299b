"""config/*.yaml against the parameters' declaration."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

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


def test_images_go_through_shared_memory_and_to_other_hosts() -> None:
    """Both transports are defined and in use: in place of Fast DDS's own, which are off."""
    space = "{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}"
    profile = ElementTree.parse(CONFIG / "fastdds.xml").getroot()
    kinds = {
        descriptor.findtext(f"{space}transport_id"): descriptor.findtext(f"{space}type")
        for descriptor in profile.iter(f"{space}transport_descriptor")
    }
    (participant,) = profile.iter(f"{space}participant")
    assert participant.get("is_default_profile") == "true"
    assert next(participant.iter(f"{space}useBuiltinTransports")).text == "false"
    used = [kinds[element.text] for element in next(participant.iter(f"{space}userTransports"))]
    assert sorted(used) == ["SHM", "UDPv4"]


def test_every_parameter_is_in_one_file() -> None:
    # autostart belongs to the launch file
    assert sorted([*values("segment.yaml"), *values("camera_pose.yaml"), "autostart"]) == sorted(SPECS)


@pytest.mark.parametrize("name", [name for name in SPECS if isinstance(getattr(DEFAULTS, name), float)])
def test_floats_are_written_as_floats(name: str) -> None:
    # rclpy refuses an integer for a parameter of type double
    both = values("segment.yaml") | values("camera_pose.yaml")
    assert isinstance(both[name], float)
