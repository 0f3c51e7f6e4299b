"""LabelMe (wkentaro/labelme): a JSON file beside each picture."""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from enet_ros.datasets.annotations.shapes import Annotated, Shape
from enet_ros.errors import DatasetError


def read(folder: Path) -> list[Annotated]:
    """The pictures of all JSON files below a folder. Raises DatasetError for another file, or a kind without area."""
    return [_read(path, folder) for path in sorted(folder.rglob("*.json"))]


def _read(path: Path, folder: Path) -> Annotated:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name = (path.parent / Path(str(content["imagePath"]).replace("\\", "/")).name).relative_to(folder).as_posix()
        size = int(content["imageHeight"]), int(content["imageWidth"])
        return Annotated(name, size, [_shape(shape, name) for shape in content["shapes"]])
    except (ValueError, KeyError, TypeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise DatasetError(f"{path} is not a file of LabelMe ({what}): take other JSON files out of {folder}") from None


def _shape(shape: dict[str, Any], name: str) -> Shape:
    label, kind = str(shape["label"]), shape.get("shape_type") or "polygon"
    points = np.asarray(shape["points"], np.float64).reshape(-1, 2)
    if kind == "polygon":
        return Shape(label, (points,))
    if kind == "mask":
        try:
            encoded = np.frombuffer(base64.b64decode(shape["mask"], validate=True), np.uint8)
        except binascii.Error as error:
            raise DatasetError(f"{name}: the mask of {label!r} is damaged ({error}): save the file again") from None
        mask = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise DatasetError(f"{name}: the mask of {label!r} is not a PNG: save the file again")
        x, y = np.rint(points[0]).astype(int).tolist()
        return Shape(label, mask=np.asarray(mask, np.uint8), corner=(x, y))
    raise DatasetError(f"{name}: a {kind} of {label!r}: draw polygons or masks")
