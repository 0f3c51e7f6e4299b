"""What surrounds nodes in a process: memory, executors."""

from __future__ import annotations

import platform
import signal
import subprocess
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


RUNNING = """
import sys, threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()  # does not block signals, as it was there before
from enet_ros.ros import process
with process.running([]) as ros:
    {first}
    ros.create_node("busy").create_timer(0.01, lambda: {callback})
    print("running", flush=True)
    ros.stopped.wait()
sys.exit(3 if ros.failed else 0)
"""


def start(callback: str, first: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUNNING.format(callback=callback, first=first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_process(ros_domain: int, number: signal.Signals) -> None:
    with start("None") as child:
        assert child.stdout is not None and child.stdout.readline() == "running\n"
        child.send_signal(number)
        child.send_signal(number)
        assert child.communicate(timeout=30) == ("", "")
        assert child.returncode == 0


def test_another_signal_that_has_a_handler_ends_nothing(ros_domain: int) -> None:
    """As torch's data loader has one for SIGCHLD. Each handler's signal wakes who waits for SIGINT and SIGTERM."""
    with start("None", "import signal; signal.signal(signal.SIGUSR1, lambda *_: print('heard', flush=True))") as child:
        assert child.stdout is not None and child.stdout.readline() == "running\n"
        child.send_signal(signal.SIGUSR1)
        assert child.stdout.readline() == "heard\n"
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(3)  # longer than it takes to end
        child.send_signal(signal.SIGTERM)
        assert child.communicate(timeout=30) == ("", "")
        assert child.returncode == 0


def test_an_exception_in_a_callback_ends_a_process(ros_domain: int) -> None:
    with start("[][1]") as child:
        _, log = child.communicate(timeout=30)
        assert child.returncode == 3 and "/busy has ended" in log and "IndexError" in log


def test_nothing_slow_is_imported_before_signals_are_held() -> None:
    code = "import sys, enet_ros.ros.node.main; sys.exit(any(m in sys.modules for m in ('rclpy', 'numpy', 'cv2')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
