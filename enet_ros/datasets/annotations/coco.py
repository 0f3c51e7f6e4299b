"""COCO: a JSON file of pictures, categories and annotations; masks and run lengths are pycocotools' to decode."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from enet_ros.arrays import U8
from enet_ros.classes import ClassTable
from enet_ros.datasets.annotations.shapes import Annotated, Decoded, Shape, regions_of
from enet_ros.errors import ConfigError, DatasetError


def read(folder: Path) -> list[Annotated]:
    """The pictures of the JSON files in a folder and its `annotations`. Raises DatasetError for other files."""
    paths = sorted([*folder.glob("*.json"), *folder.glob("annotations/*.json")])
    return [annotated for path in paths for annotated in _read(path)]


def _read(path: Path) -> list[Annotated]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = {category["id"]: str(category["name"]) for category in content["categories"]}
        found: dict[Any, list[tuple[str, Any]]] = {image["id"]: [] for image in content["images"]}
        for annotation in content["annotations"]:
            found[annotation["image_id"]].append((names[annotation["category_id"]], annotation.get("segmentation")))
        return [
            Annotated(
                str(image["file_name"]),
                _size(image),
                Decoded(partial(_shapes, found[image["id"]], _size(image), f"{path}: {image['file_name']}")),
            )
            for image in content["images"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise DatasetError(f"{path} is not a COCO file of instances ({what}): export it as 'COCO 1.0'") from None


def _size(image: dict[str, Any]) -> tuple[int, int]:
    return int(image["height"]), int(image["width"])


def _shapes(annotations: list[tuple[str, Any]], size: tuple[int, int], name: str) -> Iterator[Shape]:
    """The shapes of a picture, in the order of the file."""
    for label, segmentation in annotations:
        try:
            yield _shape(label, segmentation, size)
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(
                f"{name}: an annotation of {label!r} has no usable segmentation ({error}): draw polygons or masks"
            ) from None


def _shape(label: str, segmentation: Any, size: tuple[int, int]) -> Shape:
    """Polygons as rings; run lengths, compressed or not, as a mask of the whole picture."""
    if isinstance(segmentation, list) and segmentation:
        return Shape(label, tuple(np.asarray(ring, np.float64).reshape(-1, 2) for ring in segmentation))
    if not isinstance(segmentation, dict):
        raise ValueError(f"it is {segmentation!r}")
    runs = segmentation
    plain = isinstance(runs["counts"], list)
    if tuple(runs["size"]) != size or (plain and sum(runs["counts"]) != size[0] * size[1]):
        raise ValueError(f"its run lengths are not those of the picture's {size[1]}x{size[0]} pixels")
    try:
        from pycocotools import mask
    except ModuleNotFoundError:
        raise ConfigError("COCO's run lengths need pycocotools: pip install pycocotools") from None
    if plain:
        runs = mask.frPyObjects(runs, *runs["size"])
    return Shape(label, mask=np.asarray(mask.decode(runs), np.uint8))


def written(pictures: Iterable[tuple[str, U8]], table: ClassTable) -> str:
    """The file for masks (H, W) uint8 by the names of their pictures, as polygons from back to front."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for name, labels in pictures:
        height, width = labels.shape
        images.append({"id": len(images) + 1, "file_name": name, "width": width, "height": height})
        for region in regions_of(labels):
            low, high = region.outline.min(0).tolist(), region.outline.max(0).tolist()
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": len(images),
                    "category_id": region.label + 1,
                    "segmentation": [region.outline.ravel().tolist()],
                    "area": region.area,
                    "bbox": [*low, high[0] - low[0], high[1] - low[1]],
                    "iscrowd": 0,
                }
            )
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(table.names) if i != table.void]
    return json.dumps({"images": images, "categories": categories, "annotations": annotations}) + "\n"
