"""What surrounds nodes in a process: memory, executors."""

from __future__ import annotations

import platform
import sys
import threading

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

import rclpy

from enet_ros.errors import ConfigError
from enet_ros.ros import process


def test_pages_are_kept_with_glibc() -> None:
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("no glibc here")
    assert process.keep_pages()


def test_auto_takes_what_there_is(ros: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(process.make_executor("single")).__name__ == "SingleThreadedExecutor"
    monkeypatch.setitem(sys.modules, "rclpy.experimental.events_executor", None)
    assert type(process.make_executor("auto")).__name__ == "SingleThreadedExecutor"
    with pytest.raises(ConfigError, match="use executor single"):
        process.make_executor("events")


@pytest.mark.parametrize("choice", ["auto", "single"])
def test_spinning_ends_when_told(ros: int, choice: str) -> None:
    executor = process.make_executor(choice)
    node = rclpy.create_node("idle")
    executor.add_node(node)
    stopped = threading.Event()
    thread = threading.Thread(target=process.spin, args=(executor, stopped))
    thread.start()
    stopped.set()
    executor.wake()
    thread.join(30)
    assert not thread.is_alive()
    executor.remove_node(node)
    node.destroy_node()


def test_nothing_slow_is_imported_before_signals_are_held() -> None:
    import subprocess

    code = "import sys, enet_ros.ros.node.main; sys.exit(any(m in sys.modules for m in ('rclpy', 'numpy', 'cv2')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
