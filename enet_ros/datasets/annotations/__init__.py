"""What annotation tools read and write: CVAT, COCO, LabelMe, VOC; and masks as polygons."""

from __future__ import annotations

from enet_ros.datasets.annotations.shapes import Annotated, Region, Shape, drawn, regions_of

__all__ = ["Annotated", "Region", "Shape", "drawn", "regions_of"]
