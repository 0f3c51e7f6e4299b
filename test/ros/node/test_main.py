"""The executable: it starts the node, and a signal at any moment ends it with 0 and without a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

SMALL = {"engine": "onnxruntime", "input_height": "32", "input_width": "32", "warmup": "0"}


class Process:
    """A node process whose output is read as it comes."""

    def __init__(self, *arguments: str, **parameters: str) -> None:
        given = [part for name, value in parameters.items() for part in ("-p", f"{name}:={value}")]
        self.child = subprocess.Popen(
            [sys.executable, "-m", "enet_ros.ros.node.main", "--ros-args", *given, *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        for line in self.child.stderr or ():
            self.lines.append(line)

    def wait_for(self, text: str) -> None:
        end_s = time.monotonic() + 60
        while not any(text in line for line in self.lines):
            if time.monotonic() > end_s or self.child.poll() is not None:
                self.child.kill()
                pytest.fail(f"no {text!r} in {''.join(self.lines)}")
            time.sleep(0.01)

    def end(self, number: int) -> int:
        self.child.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        try:
            return self.child.wait(30)
        finally:
            self.child.kill()
            self._thread.join()

    @property
    def output(self) -> str:
        return "".join(self.lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["therefore off", "loading", "ready after"])
def test_a_signal_ends_it_cleanly(
    ros_domain: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, moment: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # so that the model is compiled
    process = Process(**SMALL)
    process.wait_for(moment)
    assert process.end(number) == 0
    assert "Traceback" not in process.output


def test_both_signals_at_once(ros_domain: int) -> None:
    process = Process(**SMALL)
    process.wait_for("loading")
    process.child.send_signal(signal.SIGTERM)
    assert process.end(signal.SIGINT) == 0
    assert "Traceback" not in process.output


def test_a_model_that_is_not_there_leaves_it_waiting(ros_domain: int) -> None:
    process = Process(**{**SMALL, "model": "nonesuch"})
    process.wait_for("ros2 lifecycle set /segmentation configure")
    assert process.end(signal.SIGTERM) == 0
    assert "there is no model 'nonesuch'" in process.output and "Traceback" not in process.output


def test_an_unusable_parameter_leaves_it_waiting(ros_domain: int) -> None:
    """As a wrong model does: a process that ended would be started again, for ever."""
    process = Process(**{**SMALL, "engine": "caffe"})
    process.wait_for("ros2 lifecycle set /segmentation configure")
    assert process.end(signal.SIGTERM) == 0
    assert (
        "[segmentation]: configure failed: engine is 'caffe': use one of auto, tensorrt, openvino, onnxruntime, pytorch"
        in process.output
    )
    assert "Traceback" not in process.output


def segment(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "enet_ros.ros.node.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("--bogus", "there is no argument '--bogus': ROS arguments come after --ros-args"),
        ("--modle=camvid", "there is no argument '--modle=camvid'; did you mean --ros-args -p model:=VALUE?"),
    ],
)
def test_arguments_that_do_not_exist(ros_domain: int, argument: str, complaint: str) -> None:
    ended = segment(argument, "--ros-args", "-p", "engine:=onnxruntime")
    assert ended.returncode == 2 and complaint in ended.stderr and "Traceback" not in ended.stderr


def test_help_lists_the_parameters(ros_domain: int) -> None:
    ended = segment("--help")
    assert ended.returncode == 0 and "camera_height" in ended.stdout and "-p model:=" in ended.stdout


def test_without_autostart_it_waits(ros_domain: int) -> None:
    process = Process(**{**SMALL, "autostart": "false"})
    process.wait_for("therefore off")
    assert process.end(signal.SIGINT) == 0
    assert "loading" not in process.output


def test_no_torch_in_the_process(ros_domain: int) -> None:
    code = (
        "import sys\n"
        "from enet_ros.ros.node import EnetNode, main\n"
        "from enet_ros.ros.node.outputs import pictures, planning\n"
        "from enet_ros import engines, model_file\n"
        "engines.create('onnxruntime', model_file.resolve('camvid'), size=(32, 32)).close()\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"/**:\n  ros__parameters:\n    engine: [1, 2\n",
        b"\x9f\x00" * 50,
        b"- a\n- b\n",
        b"a: &a [*a]\n",
    ],
    ids=["missing", "empty", "cut", "binary", "list", "loop"],
)
def test_a_parameter_file_that_cannot_be_read(ros_domain: int, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "parameters.yaml"
    if content is not None:
        path.write_bytes(content)
    arguments = ["--ros-args", "--params-file", str(path), "-p", "nonesuch"]  # the last ends it where the file does not
    ended = segment(*arguments)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("main.py: ")]
    assert "nonesuch" in line if content == b"" else str(path) in line


def test_values_of_a_file_that_no_node_can_use_are_told(ros_domain: int, tmp_path: Path) -> None:
    path = tmp_path / "parameters.yaml"
    values = (
        "{threads: -3, max_age: .inf, min_confidence: .nan, input_width: 1e30, modle: x, engine: {a: b}, device: 3}"
    )
    path.write_text(f"/**:\n  ros__parameters: {values}\n")
    process = Process("--params-file", str(path), **{**SMALL, "autostart": "false"})
    process.wait_for("threads is -3: use 0 to 256")
    assert process.end(signal.SIGINT) == 0
    for text in ("max_age is inf", "min_confidence is nan", "'modle': did you mean 'model'", "device is 3"):
        assert text in process.output
    assert "Traceback" not in process.output


def test_an_empty_list_in_a_file(ros_domain: int, tmp_path: Path) -> None:
    path = tmp_path / "parameters.yaml"
    path.write_text("/**:\n  ros__parameters:\n    mask_groups: []\n")
    process = Process("--params-file", str(path), **SMALL)
    process.wait_for("ready after")
    assert process.end(signal.SIGINT) == 0
    assert "mask_groups" not in process.output
