"""What the street's surfaces and things look like: sheets, sprites and models, all drawn here from numbers."""

from __future__ import annotations

from enet_ros.street.art.surfaces import front, ground, sky
from enet_ros.street.art.things import end_of_street, look, prepare
from enet_ros.street.art.tools import Model, Sheet, Sprite, haze, hazed

__all__ = ["Model", "Sheet", "Sprite", "end_of_street", "front", "ground", "haze", "hazed", "look", "prepare", "sky"]
