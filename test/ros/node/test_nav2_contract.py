"""Nav2's semantic layer can use the node as it is: topics, QoS, sizes, stamps, class map."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from enet_ros.classes import CAMVID, VOID

HERE = Path(__file__).resolve().parents[1]
REPO = HERE.parent.parent

# The two messages of vision_msgs that the layer reads, for where the package is not installed.
SOURCES = {
    "msg/VisionClass.msg": "uint16 class_id\nstring class_name\n",
    "msg/LabelInfo.msg": "std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n",
    "CMakeLists.txt": """
        cmake_minimum_required(VERSION 3.16)
        project(vision_msgs)
        find_package(ament_cmake REQUIRED)
        find_package(rosidl_default_generators REQUIRED)
        find_package(std_msgs REQUIRED)
        rosidl_generate_interfaces(vision_msgs msg/LabelInfo.msg msg/VisionClass.msg DEPENDENCIES std_msgs)
        ament_package()
        """,
    "package.xml": """<package format="3">
        <name>vision_msgs</name><version>0.0.0</version><description>For a test.</description>
        <maintainer email="nobody@example.com">nobody</maintainer><license>Apache-2.0</license>
        <buildtool_depend>ament_cmake</buildtool_depend>
        <buildtool_depend>rosidl_default_generators</buildtool_depend>
        <depend>std_msgs</depend>
        <member_of_group>rosidl_interface_packages</member_of_group>
        <export><build_type>ament_cmake</build_type></export></package>""",
}


def prepend(name: str, value: Path) -> str:
    return os.pathsep.join([str(value), *filter(None, [os.environ.get(name, "")])])


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which vision_msgs is there: the installed one, or one built here."""
    if importlib.util.find_spec("vision_msgs") is not None:
        return dict(os.environ)
    for tool in ("cmake", "ninja"):
        if shutil.which(tool) is None:
            pytest.skip(f"neither vision_msgs nor {tool}, with which to build its messages, is installed")
    folder = tmp_path_factory.mktemp("vision_msgs")
    (folder / "msg").mkdir()
    for name, text in SOURCES.items():
        (folder / name).write_text(text)
    overlay = folder / "install"
    configure = ["cmake", "-S", str(folder), "-B", str(folder / "build"), "-GNinja", "-DBUILD_TESTING=OFF"]
    configure += [f"-DCMAKE_INSTALL_PREFIX={overlay}", f"-DCMAKE_PREFIX_PATH={sys.prefix}"]
    configure += [f"-DCMAKE_PROJECT_INCLUDE={REPO / 'cmake/wheelfix.cmake'}", f"-DPython3_EXECUTABLE={sys.executable}"]
    for command in (configure, ["cmake", "--build", str(folder / "build"), "--target", "install"]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    site = overlay / Path(sysconfig.get_path("purelib")).relative_to(sysconfig.get_path("data"))
    return {
        **os.environ,
        "AMENT_PREFIX_PATH": prepend("AMENT_PREFIX_PATH", overlay),
        "LD_LIBRARY_PATH": prepend("LD_LIBRARY_PATH", overlay / "lib"),
        "PYTHONPATH": prepend("PYTHONPATH", site),
    }


def test_the_semantic_layer_takes_in_every_frame(ros_domain: int, environment: dict[str, str]) -> None:
    env = {**environment, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_DOMAIN_ID": str(ros_domain)}
    program = [sys.executable, str(HERE / "semantic_layer.py")]
    done = subprocess.run(program, capture_output=True, text=True, env=env, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])

    # The class map is there before the first mask, and for latecomers; void is not in it.
    assert seen["masks_before_class_map"] == 0
    assert seen["ids"] == seen["late_ids"] == {name: index for index, name in enumerate(CAMVID.names)}
    assert VOID not in seen["ids"].values()

    # Stamps and frame come back to the last digit, sizes are the camera's, rows are not padded.
    assert seen["stamps"] == [[5, 7], [5, 40_000_007], [2_000_000_000, 999_999_999]]
    for frame in seen["frames"]:
        assert "rejected" not in frame
        assert frame["encoding"] == ["mono8", "mono8"]
        assert frame["size"] == frame["confidence_size"] == [120, 160]
        assert frame["step"] == [160, 160]
        assert frame["bytes"] == [120 * 160, 120 * 160]
        assert frame["frame_id"] == ["camera_color_optical_frame"] * 2
        assert set(frame["strangers"]) <= {VOID}
        assert frame["observations"] > 0
        assert frame["mean_confidence"] > 20
        assert frame["cloud_frame"] == "base_link"
        assert frame["tiles"] > 10
