"""The table of outputs, in the order in which they are made for a frame."""

from __future__ import annotations

from collections.abc import Callable

from enet_ros.ros.node.outputs import pictures, planning
from enet_ros.ros.node.outputs.row import Output, Setup

OUTPUTS: tuple[Callable[[Setup], list[Output]], ...] = (pictures.outputs, planning.outputs)


def outputs(setup: Setup) -> list[Output]:
    """Every output of a node. Raises ConfigError where a parameter does not fit the model's classes."""
    return [output for make in OUTPUTS for output in make(setup)]
