"""Hosting several nodes in one process: each has an executor and a thread of its own."""

from __future__ import annotations

import itertools
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from enet_ros.ros import process

if TYPE_CHECKING:
    from rclpy.executors import Executor
    from rclpy.node import Node

    from enet_ros.ros.node.node import EnetNode


class _Hosted(NamedTuple):
    node: EnetNode
    executor: Executor
    thread: threading.Thread
    stopped: threading.Event


class Host:
    """Nodes by number, each spun in a thread: loading one's model does not hold up another's images.

    `failed` is called where an exception leaves a callback of a node, after the log has it: a camera that goes silent
    among others that answer is worse than a process that ends and is started again.
    """

    def __init__(self, failed: Callable[[], None] = lambda: None) -> None:
        self._failed = failed
        self._numbers = itertools.count(1)
        self._hosted: dict[int, _Hosted] = {}
        self._lock = threading.Lock()

    def add(self, name: str = "segmentation", **node_kwargs: Any) -> int:
        """Make a node, spin it, and start it if its parameter `autostart` says so; returns its number.

        Raises ConfigError where a parameter is unusable.
        """
        from enet_ros.ros.node.main import start
        from enet_ros.ros.node.node import EnetNode

        node = EnetNode(name, **node_kwargs)
        if node.parameters.keep_pages:
            process.keep_pages()
        executor = process.make_executor(node.parameters.executor)
        executor.add_node(node)
        if node.parameters.autostart:
            start(node)
        stopped = threading.Event()
        thread = threading.Thread(
            target=spin_or_fail, args=(node, executor, stopped, self._failed), name=f"{name}_spin", daemon=True
        )
        thread.start()
        with self._lock:
            number = next(self._numbers)
            self._hosted[number] = _Hosted(node, executor, thread, stopped)
        return number

    def remove(self, number: int) -> None:
        """End a node. Raises KeyError where there is none of that number."""
        with self._lock:
            hosted = self._hosted.pop(number)
        hosted.stopped.set()
        hosted.executor.wake()
        hosted.thread.join()
        hosted.executor.remove_node(hosted.node)
        hosted.node.destroy_node()

    def nodes(self) -> dict[int, EnetNode]:
        """By number."""
        with self._lock:
            return {number: hosted.node for number, hosted in self._hosted.items()}

    def close(self) -> None:
        """End all."""
        for number in self.nodes():
            self.remove(number)


def spin_or_fail(node: Node, executor: Executor, stopped: threading.Event, failed: Callable[[], None]) -> None:
    """Spin until `stopped`; where an exception leaves a callback, log it and call `failed`."""
    try:
        process.spin(executor, stopped)
    except Exception:  # noqa: BLE001 - logged, and the process ends
        node.get_logger().fatal(f"{node.get_fully_qualified_name()} has ended:\n{traceback.format_exc()}")
        failed()
