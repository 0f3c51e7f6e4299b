"""What a killed process leaves in shared memory is removed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from enet_ros.ros import shared_memory


def test_what_a_killed_process_leaves_is_removed_and_nothing_else(ros_domain: int) -> None:
    script = "import rclpy, sys; rclpy.init(); node = rclpy.create_node('victim'); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as living, subprocess.Popen(command, **pipes) as killed:
        for one in (living, killed):
            one.stdout.readline()
        segments = {one.pid: mapped_segments(one.pid) for one in (living, killed)}
        killed.kill()
        killed.wait()
        own = segments[killed.pid] - segments[living.pid]
        assert own
        for path in own:  # as if it had been a while ago
            os.utime(f"{path}_el", (0, 0))
        shared_memory.clean()
        assert not any(path.exists() for path in own)
        assert all(path.exists() for path in segments[living.pid] - own)


def mapped_segments(pid: int) -> set[Path]:
    """The Fast DDS segments that a process has open."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    names = {line.split()[-1] for line in lines if "/dev/shm/fast" in line and "port" not in line}
    return {Path(name) for name in names}
