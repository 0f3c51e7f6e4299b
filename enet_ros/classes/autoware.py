"""From the ids of a class table to those of Autoware."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from enet_ros.arrays import U8
from enet_ros.classes.builtin import AUTOWARE
from enet_ros.classes.table import ClassTable

_AUTOWARE_NAMES: Mapping[str, str] = {
    "building": "BUILDING",
    "wall": "WALL",
    # Not WALL: the fusion node's usual setting removes the points on walls, and one can run into a fence.
    **dict.fromkeys(("fence", "pole"), "OBSTACLE"),
    "traffic light": "TRAFFIC_LIGHT",
    **dict.fromkeys(("traffic sign", "sign"), "TRAFFIC_SIGN"),
    **dict.fromkeys(("person", "pedestrian", "rider"), "PERSON"),
    **dict.fromkeys(("car", "truck", "bus", "train"), "VEHICLE"),
    **dict.fromkeys(("bicycle", "bicyclist", "motorcycle"), "BIKE"),
    "road": "ROAD",
    **dict.fromkeys(("sidewalk", "pavement"), "SIDEWALK"),
    **dict.fromkeys(("vegetation", "tree", "terrain"), "VEGETATION"),
    "sky": "SKY",
}


def autoware_ids(table: ClassTable) -> U8:
    """(256,) uint8 table from the ids of `table` to those of AUTOWARE, by the classes' names.

    The names of CamVid and Cityscapes are known; any other class, void and unused ids become UNKNOWN (0).
    A table with Autoware's own names maps to itself.
    """
    ids = np.zeros(256, np.uint8)
    for index, name in enumerate(table.names):
        ids[index] = AUTOWARE.index(name if name in AUTOWARE.names else _AUTOWARE_NAMES.get(name, "UNKNOWN"))
    return ids
