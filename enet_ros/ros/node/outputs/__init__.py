"""Outputs of the node: rows of topic, type and maker, and the publishers that serve subscribers."""

from __future__ import annotations

from enet_ros.ros.node.outputs import pictures, planning
from enet_ros.ros.node.outputs.output import Frame, Output, OutputPublishers, Setup, create

__all__ = ["Frame", "Output", "OutputPublishers", "Setup", "create", "outputs"]

OUTPUTS = (pictures.outputs, planning.outputs)
"""In the order in which a frame's outputs are made."""


def outputs(setup: Setup) -> list[Output]:
    """Every row. Raises ConfigError where a parameter does not fit the model's classes."""
    return [output for make in OUTPUTS for output in make(setup)]
