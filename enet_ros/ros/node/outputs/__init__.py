"""Outputs of the node: rows of topic, type and maker, and the publishers that serve subscribers."""

from __future__ import annotations

from sensor_msgs.msg import CompressedImage

from enet_ros.ros.node.outputs import pictures, planning
from enet_ros.ros.node.outputs.output import Frame, Output, OutputPublishers, Setup, create

__all__ = ["Frame", "Output", "OutputPublishers", "Setup", "create", "outputs"]

OUTPUTS = (pictures.outputs, planning.outputs)


def outputs(setup: Setup) -> list[Output]:
    """Every row, in the order in which a frame's outputs are made: compressed images after what planners wait for.

    Raises ConfigError where a parameter does not fit the model's classes.
    """
    rows = [output for make in OUTPUTS for output in make(setup)]
    return sorted(rows, key=lambda output: output.type is CompressedImage)
