"""The segmentation nodes that run, each on a scene of its own, and what they say in the log."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import Log
from rclpy.node import Node

from enet_ros.ros import process, qos
from enet_ros.ros.view.node_view import NodeView
from enet_ros.viewer import LIVE, CameraScene, Window, opened
from enet_ros.viewer.web import LOOPBACK
from enet_ros.viewer.window import PORT

INFO_TYPE = "enet_ros/msg/SegmentationInfo"
_TICK_S = 0.04
_SEARCH_S = 1.0
_LINES = 200
"""Of the log, kept for nodes that have not been found yet."""
_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARN", 40: "ERROR", 50: "CRITICAL"}
"""Of rcl_interfaces/Log, in Rerun's words."""
_STATUS = ("INFO", "WARN", "ERROR", "WARN")
"""Of a DiagnosticStatus' levels OK, WARN, ERROR, STALE."""


RATE_HZ = 1.0
"""Looks a second: on a robot, what is looked at has other work."""


@contextmanager
def viewing(
    where: str,
    names: Sequence[str],
    failed: Callable[[], None],
    *,
    rate_hz: float = RATE_HZ,
    port: int = PORT,
    bind: str = LOOPBACK,
) -> Iterator[NodesView]:
    """Show nodes until the block ends; where, port and bind as `enet_ros.viewer.opened` takes them, rclpy is up.

    names, rate_hz: as NodesView takes them. failed: called where the viewer breaks. Raises ConfigError.
    """
    with opened(where, LIVE, port, bind) as window:
        spinner = process.Spinner(rclpy.create_node("view"), failed=failed)
        view = NodesView(spinner.node, window, names, rate_hz)
        spinner.start()
        try:
            yield view
        finally:
            spinner.end()


class NodesView:
    """Shows segmentation nodes in a window, as they come."""

    def __init__(self, node: Node, window: Window, names: Sequence[str], rate_hz: float) -> None:
        """node: is spun elsewhere. names: of nodes or their namespaces; empty for all. rate_hz: looks a second."""
        self.window = window
        self._node, self._names, self._period_s = node, names, 1 / rate_hz
        self._views: dict[str, NodeView] = {}
        self._statuses: dict[str, tuple[int, str]] = {}
        self._search_s = 0.0
        self._lines: deque[Log] = deque(maxlen=_LINES)
        window.arrange([])
        node.create_subscription(Log, "/rosout", self._on_log, qos.keep_last(100, "reliable", "transient_local"))
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_status, qos.keep_last(10, "best_effort"))
        node.create_timer(_TICK_S, self._tick)

    def targets(self) -> list[str]:
        """Full names of the nodes that have been found."""
        return sorted(self._views)

    def _tick(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._search_s:
            self._search_s = now_s + _SEARCH_S
            self._search()
        for view in self._views.values():
            view.tick(now_s)

    def _search(self) -> None:
        """Whoever publishes what a segmentation node says of itself is one. One that has gone may come again."""
        found = [
            topic.removesuffix("/info")
            for topic, types in self._node.get_topic_names_and_types()
            if INFO_TYPE in types and topic.endswith("/info")
        ]
        new = [target for target in found if target not in self._views and wanted(target, self._names)]
        for target in new:
            scene = CameraScene(self.window.recording, target)
            self._views[target] = NodeView(self._node, target, scene, self._period_s)
        if new:
            self.window.arrange(self.targets())
            lines, self._lines = self._lines, deque(maxlen=_LINES)
            for line in lines:
                self._on_log(line)

    def _on_log(self, line: Log) -> None:
        view = self._views.get(f"/{line.name.replace('.', '/')}")
        if view is None:
            self._lines.append(line)
        else:
            view.text(_LEVELS.get(line.level, "INFO"), line.msg)

    def _on_status(self, message: DiagnosticArray) -> None:
        """A status that is well says its figures every second: that it is well is enough."""
        for status in message.status:
            view = self._views.get(f"/{status.hardware_id}")
            level = int.from_bytes(status.level, "little")
            said = (level, status.message if level else "")
            if view is not None and self._statuses.get(status.name) != said:
                self._statuses[status.name] = said
                view.text(_STATUS[level], f"{status.name}: {status.message}")


def wanted(target: str, names: Sequence[str]) -> bool:
    """Whether a node is meant by one of the names: its own, or its namespace's. All are where there is no name."""
    full = [f"/{name.strip('/')}" for name in names]
    return not full or any(target == name or target.startswith(f"{name.rstrip('/')}/") for name in full)
