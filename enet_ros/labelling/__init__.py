"""Add a model's answers to the cameras of a recorded bag."""

from __future__ import annotations

from enet_ros.labelling.account import LabelResult
from enet_ros.labelling.outputs import Outputs, OutputSettings
from enet_ros.labelling.run import BagOptions, label

__all__ = ["BagOptions", "LabelResult", "OutputSettings", "Outputs", "label"]
