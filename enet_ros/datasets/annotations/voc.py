"""Pascal VOC: SegmentationClass/ with masks in colours, and labelmap.txt, as CVAT's 'Segmentation mask 1.1' has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from enet_ros.classes import ClassTable
from enet_ros.datasets.annotations.shapes import Annotated, Decoded, Shape
from enet_ros.datasets.files import LABEL_ENDINGS, read_image
from enet_ros.errors import DatasetError

_MASKS, _MAP = "SegmentationClass", "labelmap.txt"


def read(folder: Path, table: ClassTable) -> list[Annotated]:
    """The masks below `folder`/SegmentationClass, a shape for each colour in them.

    Colours are those of labelmap.txt (`name:r,g,b:parts:actions`), or of the table where there is none. Names are those
    of the masks without their ending. Raises DatasetError for a colour that neither has.
    """
    paths = sorted(p for p in (folder / _MASKS).rglob("*") if p.suffix.lower() in LABEL_ENDINGS)
    labels = _labels(folder / _MAP) or {color: name for name, color in zip(table.names, table.colors, strict=True)}
    found = []
    for path in paths:
        height, width = read_image(path).shape[:2]
        name = path.relative_to(folder / _MASKS).with_suffix("").as_posix()
        found.append(Annotated(name, (height, width), Decoded(partial(_shapes, path, labels))))
    return found


def _shapes(path: Path, labels: dict[tuple[int, ...], str]) -> Iterator[Shape]:
    """A shape for each colour of a mask file."""
    packed = (read_image(path).astype(np.int64) * (65536, 256, 1)).sum(2)
    for value in np.unique(packed).tolist():
        if (shape := _shape(value, packed, labels, path)) is not None:
            yield shape


def _shape(value: int, packed: npt.NDArray[np.int64], labels: dict[tuple[int, ...], str], path: Path) -> Shape | None:
    color = value >> 16, value >> 8 & 255, value & 255
    if color in labels:
        return Shape(labels[color], mask=(packed == value).astype(np.uint8))
    if color == (0, 0, 0):  # not annotated
        return None
    raise DatasetError(f"{path} has colour {color}, which {_MAP} does not name: export the task again, with its labels")


def _labels(path: Path) -> dict[tuple[int, ...], str]:
    """Names by colour; empty where there is no such file."""
    if not path.is_file():
        return {}
    rows = (re.fullmatch(r"(.+?):(\d+),(\d+),(\d+)(?::.*)?", line.strip()) for line in path.read_text().splitlines())
    return {(int(row[2]), int(row[3]), int(row[4])): row[1] for row in rows if row}
