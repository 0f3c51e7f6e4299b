"""Segmentation nodes of one process, each with an executor and a thread of its own."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import TransitionCallbackReturn

from enet_ros.errors import ConfigError
from enet_ros.ros import process
from enet_ros.ros.node.node import EnetNode


class Host:
    """Nodes by number, each spun in a thread: loading one's model does not hold up another's images."""

    def __init__(self, failed: Callable[[], None] = lambda: None) -> None:
        """`failed` is called where an exception leaves a callback of a node."""
        self._failed = failed
        self._numbers = itertools.count(1)
        self._hosted: dict[int, tuple[EnetNode, process.Spinner]] = {}
        self._lock = threading.Lock()

    def add(self, name: str = "segmentation", *, tolerant: bool = False, **node_kwargs: Any) -> int:
        """Make a node, start it if its parameter `autostart` says so, spin it; returns its number.

        tolerant: keep a node whose parameter overrides are unusable, unconfigured, until they are set right. Otherwise
        raises ConfigError for it, and nothing of it is left.
        """
        node = EnetNode(name, **node_kwargs)
        try:
            if node.failure and not tolerant:
                raise ConfigError(node.failure)
            spinner = process.Spinner(node, node.parameters.executor, self._failed)
        except Exception:
            node.destroy_node()
            raise
        if node.parameters.keep_pages:
            process.keep_pages()
        if node.parameters.autostart and not _started(node):
            name = node.get_fully_qualified_name()
            remedy = f"correct the parameter, then run `ros2 lifecycle set {name} configure` and `... activate`"
            node.get_logger().error(f"not started: {remedy}")
        spinner.start()
        with self._lock:
            number = next(self._numbers)
            self._hosted[number] = (node, spinner)
        return number

    def remove(self, number: int) -> None:
        """End a node. Raises KeyError where there is none of that number."""
        with self._lock:
            _, spinner = self._hosted.pop(number)
        spinner.end()

    def nodes(self) -> dict[int, EnetNode]:
        """The nodes by number."""
        with self._lock:
            return {number: node for number, (node, _) in self._hosted.items()}

    def close(self) -> None:
        """End all of them."""
        for number in self.nodes():
            self.remove(number)


def _started(node: EnetNode) -> bool:
    """Configure and activate; False where that fails, for a reason that the log has."""
    success = TransitionCallbackReturn.SUCCESS
    return node.trigger_configure() == success and node.trigger_activate() == success
