"""The lifecycle node: its inputs, its outputs, its health, and the container that hosts several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from enet_ros.ros.node.node import EnetNode

__all__ = ["EnetNode"]


def __getattr__(name: str) -> Any:
    """`EnetNode` when it is asked for: a process sets up signals and memory before it imports rclpy."""
    if name == "EnetNode":
        from enet_ros.ros.node.node import EnetNode

        return EnetNode
    raise AttributeError(name)
