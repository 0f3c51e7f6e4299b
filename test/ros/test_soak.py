"""The soak and the attack over DDS run, and find nothing in a short time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
pytest.importorskip("enet_ros.msg", reason="enet_ros/msg is not built: colcon build, or use ./run test")

BENCH = Path(__file__).parents[2] / "bench"


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(BENCH / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_short_soak_accounts_for_every_image(ros_domain: int) -> None:
    told = run("soak.py", "--seconds", "1", "--round", "3", "--rate", "20", "--seed", "3")
    (line,) = [line for line in told.splitlines() if line.startswith("round 0: ")]
    assert "sent 0 " not in line and " answered + " in line


def test_nodes_survive_hostile_messages(ros_domain: int) -> None:
    told = run("fuzz_node.py", "--messages", "60", "--seed", "3")
    assert [line.partition(": ")[2][:11] for line in told.splitlines()] == ["60 messages"] * 2
