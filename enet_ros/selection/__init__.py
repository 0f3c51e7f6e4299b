"""Which frames of many are worth an annotator's time: scores of a frame, likeness of two, and the choice over all."""

from __future__ import annotations

from enet_ros.selection.choice import BY, Candidate, choose
from enet_ros.selection.likeness import dhash

__all__ = ["BY", "Candidate", "choose", "dhash"]
