"""Class tables: what the numbers in a mask mean, in which colour they are shown, and which of them one can drive on."""

from __future__ import annotations

from enet_ros.classes.builtin import (
    AUTOWARE,
    CAMVID,
    CAMVID12,
    CITYSCAPES,
    CITYSCAPES20,
    IDD_LITE,
    LUMS,
    SUNRGBD,
    TABLES,
    get_table,
    table_with,
)
from enet_ros.classes.maps import autoware_ids, judged, label_map, members
from enet_ros.classes.table import VOID, ClassSet, ClassTable

__all__ = [
    "AUTOWARE",
    "CAMVID",
    "CAMVID12",
    "CITYSCAPES",
    "CITYSCAPES20",
    "IDD_LITE",
    "LUMS",
    "SUNRGBD",
    "TABLES",
    "VOID",
    "ClassSet",
    "ClassTable",
    "autoware_ids",
    "get_table",
    "judged",
    "label_map",
    "members",
    "table_with",
]
