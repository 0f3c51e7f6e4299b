"""LabelMe (wkentaro/labelme): a JSON file beside each picture."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from enet_ros.codec.containers import Kind, png_is_complete, read_header
from enet_ros.datasets.annotations.shapes import Annotated, Decoded, Shape
from enet_ros.errors import DatasetError, ImageError


def read(folder: Path) -> list[Annotated]:
    """The pictures of all JSON files below a folder. Raises DatasetError for another file, or a kind without area."""
    return [_read(path, folder) for path in sorted(folder.rglob("*.json"))]


def _read(path: Path, folder: Path) -> Annotated:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name = (path.parent / Path(str(content["imagePath"]).replace("\\", "/")).name).relative_to(folder).as_posix()
        size = int(content["imageHeight"]), int(content["imageWidth"])
        return Annotated(name, size, Decoded(partial(_shapes, list(content["shapes"]), size, name, path)))
    except (ValueError, KeyError, TypeError) as error:
        raise _foreign(path, error) from None


def _shapes(shapes: list[dict[str, Any]], size: tuple[int, int], name: str, path: Path) -> Iterator[Shape]:
    """The shapes of a picture of that (height, width), in the order of the file."""
    for shape in shapes:
        try:
            yield _shape(shape, size, name)
        except (ValueError, KeyError, TypeError) as error:
            raise _foreign(path, error) from None


def _foreign(path: Path, error: Exception) -> DatasetError:
    what = f"no {error}" if isinstance(error, KeyError) else str(error)
    return DatasetError(f"{path} is not a file of LabelMe ({what}): take JSON files of other tools out of the folder")


def _shape(shape: dict[str, Any], size: tuple[int, int], name: str) -> Shape:
    label, kind = str(shape["label"]), shape.get("shape_type") or "polygon"
    points = np.asarray(shape["points"], np.float64).reshape(-1, 2)
    if kind == "polygon":
        return Shape(label, (points,))
    if kind == "mask":
        try:
            encoded = base64.b64decode(shape["mask"], validate=True)
            header = read_header(encoded)
        except (binascii.Error, ImageError) as error:
            raise DatasetError(f"{name}: the mask of {label!r} is damaged ({error}): save the file again") from None
        if header.height > size[0] or header.width > size[1]:
            raise DatasetError(
                f"{name}: the mask of {label!r}, {header.width}x{header.height} pixels, is larger than the picture of"
                f" {size[1]}x{size[0]}: save the file again"
            )
        whole = header.kind is Kind.PNG and png_is_complete(encoded)
        mask = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE) if whole else None
        if mask is None:
            raise DatasetError(f"{name}: the mask of {label!r} is not a whole PNG: save the file again")
        x, y = np.rint(points[0]).astype(int).tolist()
        return Shape(label, mask=np.asarray(mask, np.uint8), corner=(x, y))
    raise DatasetError(f"{name}: a {kind} of {label!r}: draw polygons or masks")
