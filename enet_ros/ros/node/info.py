"""What the mask's ids mean and what computes them, for ~/label_info and diagnostics."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from enet_ros.card import ModelCard
from enet_ros.classes import ClassTable
from enet_ros.engines.base import EngineInfo


def about(card: ModelCard, engine: EngineInfo) -> tuple[tuple[str, str], ...]:
    """Lines for diagnostics."""
    height, width = engine.size
    return (
        ("model", card.name),
        ("model digest", card.digest[:12]),
        ("classes", card.classes.name),
        ("engine", engine.name),
        ("runtime", engine.runtime),
        ("device", engine.device),
        ("precision", engine.precision),
        ("network size", f"{width}x{height}"),
    )


def label_info_type() -> Any | None:
    """vision_msgs/LabelInfo, or None where vision_msgs is not installed."""
    try:
        from vision_msgs.msg import LabelInfo
    except ImportError:
        return None
    return LabelInfo


def label_info(stamp: Time, table: ClassTable) -> Any:
    """The message of ~/label_info, as Nav2's semantic layer reads it: ids and names, without void."""
    from vision_msgs.msg import LabelInfo, VisionClass

    message = LabelInfo(header=Header(stamp=stamp))
    message.class_map = [
        VisionClass(class_id=index, class_name=name) for index, name in enumerate(table.names) if index != table.void
    ]
    return message
