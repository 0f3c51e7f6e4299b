"""Our Fast DDS profile is taken, unless the user has one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from enet_ros.ros import process

NAMES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")


@pytest.mark.parametrize(
    ("distribution", "name"),
    [("humble", NAMES[1]), ("jazzy", NAMES[1]), ("kilted", NAMES[0]), ("lyrical", NAMES[0]), ("", NAMES[0])],
)
def test_ours_where_there_is_none(monkeypatch: pytest.MonkeyPatch, distribution: str, name: str) -> None:
    for other in NAMES:
        monkeypatch.setenv(other, "")
    monkeypatch.setenv("ROS_DISTRO", distribution)
    process.use_profile()
    path = Path(os.environ[name])
    assert path.name == "fastdds.xml" and "segment_size" in path.read_text()
    assert [os.environ[other] for other in NAMES if other != name] == [""]


@pytest.mark.parametrize("name", NAMES)
def test_the_user_s_where_there_is_one(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for other in NAMES:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "/my/own.xml")
    process.use_profile()
    assert [os.environ.get(other) for other in NAMES if other != name] == [None]
    assert os.environ[name] == "/my/own.xml"


START = """
import os
from enet_ros.ros import process
with process.running([]) as ros:
    ros.create_node("quiet")
    print(*(name for name in {names} if os.environ.get(name)))
"""


def test_a_start_prints_no_warning(ros_domain: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kilted complains of two transports with one id, and of the old name, where both variables are set."""
    pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    done = subprocess.run([sys.executable, "-c", START.format(names=NAMES)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == ""
    assert len(done.stdout.split()) == 1, "our profile is in use, under one name"
