"""Fixtures for tests of the node; ros_rig.py beside this file holds what they are made of."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from enet_ros import engines
from enet_ros.engines.shared import POOL

if TYPE_CHECKING:
    from ros_rig import PlainEngine, Rig

sys.path.append(str(Path(__file__).parent))


@pytest.fixture
def plain_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[PlainEngine]]:
    """`engine:=onnxruntime` is a PlainEngine. No engine outlives the test."""
    from ros_rig import PlainEngine, wait_for

    module = ModuleType("enet_ros.engines.plain")
    module.PlainEngine = PlainEngine
    monkeypatch.setitem(sys.modules, "enet_ros.engines.plain", module)
    backend = engines.ENGINES["onnxruntime"]
    monkeypatch.setitem(
        engines.ENGINES, "onnxruntime", backend._replace(module="plain", cls="PlainEngine", packages=("numpy",))
    )
    before = len(POOL), PlainEngine.open_engines
    yield PlainEngine
    wait_for(lambda: (len(POOL), PlainEngine.open_engines) == before, "an engine was left behind")


@pytest.fixture
def rig(ros: int, plain_engine: type[PlainEngine]) -> Iterator[Callable[..., Rig]]:
    """Makes rigs; closes them."""
    from ros_rig import Rig

    made: list[Rig] = []

    def make(**arguments: Any) -> Rig:
        made.append(Rig(**arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def watcher(ros: int) -> Iterator[Any]:
    """A node that is spun in the background."""
    import threading

    import rclpy

    from enet_ros.ros import process

    node = rclpy.create_node("watcher")
    executor = process.make_executor("auto")
    executor.add_node(node)
    stopped = threading.Event()
    thread = threading.Thread(target=process.spin, args=(executor, stopped))
    thread.start()
    yield node
    stopped.set()
    executor.wake()
    thread.join()
    node.destroy_node()
