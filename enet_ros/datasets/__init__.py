"""Labelled datasets: CamVid, Cityscapes, SUN RGB-D, IDD Lite, LUMS, and any folder pair with a class table in YAML."""

from __future__ import annotations

from enet_ros.datasets.base import Pair, PairDataset, Sample

__all__ = ["Pair", "PairDataset", "Sample"]
