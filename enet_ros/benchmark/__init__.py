"""Times of engines on this machine, each in a process of its own, beside what people would use instead."""

from __future__ import annotations

from enet_ros.benchmark.cases import PEERS, Case, Settings, Skipped, plan
from enet_ros.benchmark.measure import measure
from enet_ros.benchmark.rows import Row, to_json, to_markdown

__all__ = [
    "PEERS",
    "Case",
    "Row",
    "Settings",
    "Skipped",
    "measure",
    "plan",
    "to_json",
    "to_markdown",
]
