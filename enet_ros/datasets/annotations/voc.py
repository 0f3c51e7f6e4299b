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
    of the masks without their ending. Raises DatasetError for a colour that neither has, and for one of two labels.
    """
    paths = sorted(p for p in (folder / _MASKS).rglob("*") if p.suffix.lower() in LABEL_ENDINGS)
    if not paths:
        return []
    source = folder / _MAP
    named = _rows(source) if source.is_file() else list(zip(table.colors, table.names, strict=True))
    labels: dict[tuple[int, ...], str] = {}
    for color, label in named:
        if labels.setdefault(color, label) != label:
            where = source if source.is_file() else f"class table {table.name!r}"
            raise DatasetError(
                f"{where} gives {labels[color]!r} and {label!r} one colour, {color}: give each a colour of its own, and"
                " export the task again"
            )
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


def _rows(path: Path) -> list[tuple[tuple[int, int, int], str]]:
    """Colours and names of a labelmap.txt. DatasetError where it has none."""
    rows = (re.fullmatch(r"(.+?):(\d+),(\d+),(\d+)(?::.*)?", line.strip()) for line in path.read_text().splitlines())
    found = [((int(row[2]), int(row[3]), int(row[4])), str(row[1])) for row in rows if row]
    if not found:
        raise DatasetError(f"{path} has no row NAME:R,G,B: export the task again, with its labels")
    return found
