"""Add a model's answers to the cameras of a recorded bag."""

from __future__ import annotations

from enet_ros.labelling.cameras import Camera, find_cameras
from enet_ros.labelling.outputs import Outputs, OutputSettings
from enet_ros.labelling.run import LabelResult, label

__all__ = ["Camera", "LabelResult", "OutputSettings", "Outputs", "find_cameras", "label"]
