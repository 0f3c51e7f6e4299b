"""The packaging files agree with each other and with the source."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from enet_ros.cli import VERSION

REPO = Path(__file__).resolve().parent.parent
PACKAGE_XML = ElementTree.parse(REPO / "package.xml").getroot()
CMAKE = (REPO / "CMakeLists.txt").read_text()
EXECUTABLES = dict(re.findall(r'"(\w+)=([\w.]+)"', CMAKE))

# Import name: rosdep key, where they differ.
KEYS = {"cv2": "python3-opencv", "tf2_ros": "tf2_ros_py", "numpy": "python3-numpy", "yaml": "python3-yaml"}
BY_PIP = {"safetensors", "rich", "rosbags", "mcap", "fsspec", "openvino", "onnxruntime", "onnx", "torch", "tensorrt"}


def imported_packages(folder: str) -> Iterator[str]:
    for path in sorted((REPO / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]


def test_one_version() -> None:
    assert PACKAGE_XML.findtext("version") == VERSION
    assert "version = attr: enet_ros.cli.VERSION" in (REPO / "setup.cfg").read_text()


def test_every_message_is_generated() -> None:
    listed = set(re.findall(r"msg/\w+\.msg", CMAKE))
    assert listed == {f"msg/{path.name}" for path in (REPO / "msg").iterdir()}


def test_every_message_says_what_its_fields_are() -> None:
    for path in (REPO / "msg").glob("*.msg"):
        blocks = re.split(r"\n\s*\n", path.read_text())
        for block in (block for block in blocks if re.search(r"^\w", block, re.M)):
            assert "#" in block, f"{path.name}: no comment for\n{block}"


@pytest.mark.parametrize("folder", ["enet_ros/ros", "launch"])
def test_what_the_ros_part_imports_is_a_dependency(folder: str) -> None:
    declared = {element.text for element in PACKAGE_XML if element.tag in ("depend", "exec_depend")}
    packages = {KEYS.get(name, name) for name in imported_packages(folder)} - BY_PIP - {"enet_ros"}
    assert packages - set(sys.stdlib_module_names) - declared == set()


@pytest.mark.parametrize("name", EXECUTABLES)
def test_executables_have_a_main(name: str) -> None:
    spec = importlib.util.find_spec(EXECUTABLES[name])
    assert spec is not None and spec.origin is not None, f"{EXECUTABLES[name]} does not exist"
    tree = ast.parse(Path(spec.origin).read_text())
    assert "main" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", [".github/workflows/ci.yml", "docker/Dockerfile"])
def test_what_runs_elsewhere_names_files_that_exist(name: str) -> None:
    named = re.findall(r"(?<![\w./])(?:test|docker|requirements|launch|config)/[\w./*-]+", (REPO / name).read_text())
    assert named
    assert [path for path in named if not any(REPO.glob(path.rstrip(".")))] == []
