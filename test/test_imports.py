"""The rooms of the package and the arrows allowed between them, read from the source with ast."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

REPO = Path(__file__).resolve().parent.parent
PACKAGE = REPO / "enet_ros"

# Room: what it may import, which includes whatever those rooms may import. From the ground up: a room imports rooms
# above it in the table only. The blocks are the rows of the design; a part of a room stands where what it needs does.
ROOMS: dict[str, tuple[str, ...]] = {
    "errors": (),
    "memory": (),
    "files": (),
    "arrays": (),
    "places": ("errors", "files"),
    "holding": ("places",),
    "terminal": (),
    "ordered": (),
    "stamps": ("errors",),
    "figures": ("errors",),
    # tables of classes, variants of the network, lens and pose
    "classes": ("errors", "arrays"),
    "spec": ("errors",),
    "camera": ("errors", "arrays"),
    # bytes of camera messages
    "codec": ("errors", "arrays"),
    # model files
    "card": ("classes", "spec"),
    "model_file": ("card", "files"),
    # frames and where they come from
    "frames": ("classes", "camera", "stamps", "places"),
    "datasets": ("classes", "codec", "figures", "files"),
    "frames.files": ("frames", "datasets"),
    "street": ("classes", "camera"),
    "frames.street": ("frames", "street"),
    # arrays to arrays, and what they are worth
    "products": ("classes", "camera"),
    "metrics": ("classes", "figures"),
    # the network, what runs it, image to labels
    "nn": ("model_file",),
    "engines": ("model_file", "figures"),
    "engines.pytorch": ("engines", "nn"),
    "segmenter": ("engines", "products"),
    # messages as values, and bags of them
    "messages": ("codec", "card", "products", "stamps"),
    "bags": ("messages", "frames", "holding", "figures", "ordered"),
    "frames.bag": ("frames", "bags"),
    # the work of the verbs
    "viewer": ("messages",),
    "train": ("nn", "datasets", "metrics", "memory", "ordered"),
    "selection": ("metrics", "stamps"),
    "evaluation": ("segmenter", "selection", "metrics", "frames.files", "frames.street"),
    "labelling": ("segmenter", "bags", "viewer"),
    "selection.features": ("engines.pytorch",),
    "extraction": ("selection", "segmenter", "bags", "datasets"),
    "fleet": ("labelling", "evaluation", "extraction", "selection.features", "frames.bag"),
    "benchmark.peers": ("engines.pytorch",),
    "benchmark": ("segmenter", "metrics", "frames.files", "benchmark.peers"),
    "report": ("metrics", "products", "card"),
    "cli": ("benchmark", "train", "report", "fleet", "terminal"),
    "__main__": ("cli",),
    # ---- the line: nothing above imports rclpy or a message package ----
    "ros": ("messages", "engines", "memory"),
    "ros.node": ("ros", "segmenter"),
    "ros.play": ("ros", "frames.files", "frames.street", "frames.bag"),
    "ros.view": ("ros.node", "viewer"),
    "ros.session": ("ros.play", "ros.view", "report", "terminal"),
    "ros.security": ("ros.node", "ros.play"),
}
# These verbs run a ROS process: they import what is below the line when they run, and not before.
STARTERS = {"enet_ros.cli.bag_play": ("ros", "ros.play"), "enet_ros.cli.evaluate": ("ros.session",)}
TORCH_ROOMS = ("nn", "train", "engines.pytorch", "benchmark.peers", "selection.features")
ROS_PACKAGES = {
    "rclpy", "rosbag2_py", "cv_bridge", "tf2_ros", "launch", "launch_ros", "builtin_interfaces", "std_msgs",
    "sensor_msgs", "nav_msgs", "geometry_msgs", "diagnostic_msgs", "lifecycle_msgs", "rcl_interfaces",
    "rosgraph_msgs", "vision_msgs", "composition_interfaces", "bond", "rosidl_runtime_py", "enet_ros.msg",
    "enet_ros.srv",
}  # fmt: skip


class Import(NamedTuple):
    module: str
    line: int
    at_module_level: bool


def room_of(module: str) -> str | None:
    """`enet_ros.engines.pytorch` -> `engines.pytorch`: the longest room that the module lies in."""
    parts = module.split(".")[1:]
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in ROOMS), None)


def allowed(room: str) -> set[str]:
    reachable, todo = {room}, [room]
    while todo:
        new = set(ROOMS[todo.pop()]) - reachable
        reachable |= new
        todo += new
    return reachable


def imports(source: str) -> Iterator[Import]:
    """Every import that runs; one for type checking alone makes no arrow."""

    def visit(node: ast.AST, top: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, child.lineno, top) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"line {child.lineno}: relative import"
                yield from (Import(f"{child.module}.{a.name}", child.lineno, top) for a in child.names)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            else:
                deferred = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
                yield from visit(child, top and not deferred)

    return visit(ast.parse(source), True)


def violations(module: str, source: str) -> list[str]:
    room = room_of(module)
    if room is None:
        return [f"{module} is in no room of the table"]
    found = []
    for target, line, top in imports(source):
        package = target.partition(".")[0]
        if package == "enet_ros" and not target.startswith(("enet_ros.msg", "enet_ros.srv")):
            other = room_of(target)
            started = not top and other in STARTERS.get(module, ())
            if other is not None and other not in allowed(room) and not started:
                found.append(f"{module}:{line} imports {target}: {room} -> {other} is no arrow of the table")
        elif (package in ROS_PACKAGES or target.startswith(("enet_ros.msg", "enet_ros.srv"))) and not room.startswith(
            "ros"
        ):
            found.append(f"{module}:{line} imports {target}: only enet_ros.ros may")
        elif package == "torch" and top and room not in TORCH_ROOMS:
            found.append(f"{module}:{line} imports torch at module level: only {', '.join(TORCH_ROOMS)} may")
    return found


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(REPO).with_suffix("").parts).removesuffix(".__init__")
        if name != "enet_ros":
            yield name, path


def test_every_import_follows_the_table() -> None:
    found = [text for name, path in modules() for text in violations(name, path.read_text())]
    assert not found, "\n".join(found)


def test_the_package_itself_is_free_of_logic() -> None:
    assert [item.module for item in imports((PACKAGE / "__init__.py").read_text())] == ["pkgutil.extend_path"]


def test_the_table_points_up_only() -> None:
    order = list(ROOMS)
    for room, targets in ROOMS.items():
        assert all(order.index(target) < order.index(room) for target in targets), room


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("enet_ros.codec", "from enet_ros.card import ModelCard", "codec -> card"),
        ("enet_ros.codec.raw", "def f():\n    import enet_ros.segmenter", "codec -> segmenter"),
        ("enet_ros.segmenter", "import rclpy.node", "only enet_ros.ros may"),
        ("enet_ros.bags", "from enet_ros.msg import Latency", "only enet_ros.ros may"),
        ("enet_ros.engines.openvino", "import torch", "at module level"),
        ("enet_ros.engines.base", "from enet_ros.nn import build", "engines -> nn"),
        ("enet_ros.ros.node.node", "try:\n    from torch import nn\nexcept ImportError: pass", "at module level"),
        ("enet_ros.ros.node.node", "from enet_ros.train import loop", "ros.node -> train"),
        ("enet_ros.ros.node.node", "from enet_ros.ros.play import player", "ros.node -> ros.play"),
        ("enet_ros.ros.qos", "from enet_ros.ros.node import EnetNode", "ros -> ros.node"),
        ("enet_ros.cli.bag_play", "from enet_ros.ros import process", "cli -> ros"),
        ("enet_ros.cli.bag_info", "def f():\n    from enet_ros.ros import process", "cli -> ros"),
        ("enet_ros.surprise", "import os", "in no room"),
    ],
)
def test_a_wrong_arrow_is_found(module: str, source: str, complaint: str) -> None:
    (found,) = violations(module, source)
    assert complaint in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("enet_ros.codec", "from enet_ros.errors import ImageError\nimport numpy"),
        ("enet_ros.segmenter", "def f():\n    import torch"),
        ("enet_ros.engines.pytorch", "import torch\nfrom enet_ros.nn import build"),
        ("enet_ros.ros.node.node", "import rclpy\nfrom enet_ros.msg import Latency\nimport enet_ros.segmenter"),
        ("enet_ros.card", "if TYPE_CHECKING:\n    from enet_ros.nn import ENet"),
    ],
)
def test_a_right_arrow_passes(module: str, source: str) -> None:
    assert violations(module, source) == []
