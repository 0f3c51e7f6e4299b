"""A synthetic street with exact labels, depth and camera geometry."""

from __future__ import annotations

from enet_ros.street.street import Street, StreetFrame

__all__ = ["Street", "StreetFrame"]
