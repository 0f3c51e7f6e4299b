"""From a place in the street to a picture, and to the plane that each of its pixels shows."""

from __future__ import annotations

from enet_ros.street.render.background import Background
from enet_ros.street.render.painter import Canvas, Faces
from enet_ros.street.render.view import View

__all__ = ["Background", "Canvas", "Faces", "View"]
