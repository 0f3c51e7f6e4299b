"""The launch files, with the real launch and launch_ros where they are installed."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("launch_ros", reason="launch_ros is not installed: it comes with ROS 2 from apt")
rclpy = pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from launch.actions import DeclareLaunchArgument  # noqa: E402
from lifecycle_msgs.msg import State  # noqa: E402
from lifecycle_msgs.srv import GetState  # noqa: E402

from enet_ros.errors import ConfigError  # noqa: E402

LAUNCH = Path(__file__).resolve().parents[3] / "launch"

SERVICE = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
service = LaunchService()
arguments = [argument.split(":=", 1) for argument in sys.argv[2:]]
source = PythonLaunchDescriptionSource(sys.argv[1])
include = IncludeLaunchDescription(source, launch_arguments=arguments)
service.include_launch_description(LaunchDescription([include]))
sys.exit(service.run())
"""


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name.replace(".", "_"), LAUNCH / name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wait_for_active(nodes: list[str], process: subprocess.Popen[str]) -> None:
    """Asks each node's get_state until all are active; the process ends or a minute passes otherwise."""
    watcher = rclpy.create_node("watcher")
    clients = [watcher.create_client(GetState, f"{node}/get_state") for node in nodes]
    deadline = time.monotonic() + 60
    while clients and process.poll() is None and time.monotonic() < deadline:
        if clients[0].wait_for_service(timeout_sec=0.2):
            future = clients[0].call_async(GetState.Request())
            rclpy.spin_until_future_complete(watcher, future, timeout_sec=1.0)
            answer = future.result()
            if answer is not None and answer.current_state.id == State.PRIMARY_STATE_ACTIVE:
                clients.pop(0)
    watcher.destroy_node()
    assert not clients, f"{clients[0].srv_name}: not active"


def children_named(name: str, parent: int) -> list[int]:
    pids = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in pids if name in Path(f"/proc/{pid}/cmdline").read_text()]


def run_until_active(name: str, nodes: list[str], *arguments: str) -> str:
    """Starts a launch file, waits until its nodes are active, ends it with SIGINT; returns what it wrote."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVICE, LAUNCH / name, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            wait_for_active(nodes, process)
        finally:
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert output.count("process has finished cleanly") == len(nodes), output
    assert "Traceback" not in output, output
    return output


def test_every_argument_is_declared_and_described() -> None:
    description = load("segment.launch.py").generate_launch_description()
    declared = {
        entity.name: entity.description for entity in description.entities if isinstance(entity, DeclareLaunchArgument)
    }
    wanted = {"image", "camera_info", "image_transport", "namespace", "model", "engine", "params_file", "pose_file"}
    assert wanted <= set(declared)
    assert all(declared.values())


def test_segment_becomes_active(ros: int) -> None:
    run_until_active("segment.launch.py", ["/front/segmentation"], "namespace:=front", "image:=/camera/image")


def test_a_node_that_crashed_comes_back(ros: int) -> None:
    command = [sys.executable, "-c", SERVICE, LAUNCH / "segment.launch.py", "respawn:=true"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            wait_for_active(["/segmentation"], process)
            (child,) = children_named("segment", process.pid)
            os.kill(child, signal.SIGKILL)
            assert process.stdout is not None
            starts = (line for line in process.stdout if "process started" in line)
            assert next(starts) and next(starts)
            wait_for_active(["/segmentation"], process)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


def test_every_camera_becomes_active(ros: int) -> None:
    cameras = "[left, {namespace: right, image_transport: compressed}]"
    run_until_active("multi_camera.launch.py", ["/left/segmentation", "/right/segmentation"], f"cameras:={cameras}")


def test_a_node_that_cannot_be_configured_says_why(ros: int, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SERVICE, LAUNCH / "segment.launch.py", f"model:={tmp_path}/none.onnx"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if "not started" in line:
                break
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert "none.onnx" in "".join(seen) + rest


def test_cameras_by_name_and_by_mapping() -> None:
    cameras = load("multi_camera.launch.py")._cameras
    assert cameras("[front, {namespace: rear, image_transport: compressed}]") == [
        {"namespace": "front"},
        {"namespace": "rear", "image_transport": "compressed"},
    ]
    example = LAUNCH.parent / "config" / "cameras.yaml"
    assert [camera["namespace"] for camera in cameras(str(example))] == ["front", "rear"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("front", "give a YAML list"),
        ("[]", "give a YAML list"),
        ("[{image: a}]", "has no namespace"),
        ("[front, front]", "share a namespace"),
    ],
)
def test_a_wrong_list_of_cameras(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load("multi_camera.launch.py")._cameras(text)


def test_a_camera_s_misspelt_argument_is_refused(ros: int) -> None:
    cameras = "cameras:=[{namespace: rear, imge: a}]"
    command = [sys.executable, "-c", SERVICE, LAUNCH / "multi_camera.launch.py", cameras]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode != 0
    assert "camera 'rear': there is no argument 'imge': did you mean 'image'?" in result.stdout + result.stderr
