"""What the mask's ids mean and what computes them, for ~/info, ~/label_info and diagnostics."""

from __future__ import annotations

from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from enet_ros.card import ModelCard
from enet_ros.classes import ClassTable
from enet_ros.engines.base import EngineInfo
from enet_ros.msg import SegmentationInfo
from enet_ros.ros.parameters import Parameters, parse_groups


def segmentation_info(stamp: Time, card: ModelCard, engine: EngineInfo, parameters: Parameters) -> SegmentationInfo:
    """The message of ~/info."""
    table = card.classes
    height, width = engine.size
    return SegmentationInfo(
        header=Header(stamp=stamp),
        class_table=table.name,
        class_names=list(table.names),
        class_colors=np.array(table.colors, np.uint8).reshape(-1).tolist(),
        drivable=list(table.indices(table.drivable)),
        mask_groups=list(parse_groups(parameters.mask_groups)),
        model=card.name,
        model_digest=card.digest,
        model_license=card.license,
        network_height=height,
        network_width=width,
        engine=engine.name,
        runtime=engine.runtime,
        device=engine.device,
        precision=engine.precision,
    )


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
