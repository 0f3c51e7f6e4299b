"""First guesses for annotators: the masks of a run in what annotation tools take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from enet_ros import files
from enet_ros.arrays import U8
from enet_ros.classes import ClassTable
from enet_ros.datasets.annotations import coco, cvat
from enet_ros.datasets.files import read_raw_label
from enet_ros.datasets.own import CLASSES, table_text
from enet_ros.extraction.pictures import IMAGES, LABELS, Row

FORMATS: Final = ("png", "cvat", "coco")


def write_prelabels(folder: Path, rows: Sequence[Row], table: ClassTable, formats: Sequence[str]) -> None:
    """Beside the masks in `folder`/labels, which are read: classes.yaml, and the files of CVAT and COCO.

    Pictures are named as below `folder`/images. Raises OSError where the disk is full.
    """

    def pictures() -> Iterator[tuple[str, U8]]:
        for row in rows:
            name = row.file.removeprefix(f"{IMAGES}/")
            mask = (folder / LABELS / name).with_suffix(".png")
            yield name, np.asarray(read_raw_label(mask), np.uint8)

    files.write(folder / CLASSES, table_text(table))
    if "cvat" in formats:
        files.write(folder / "annotations.xml", cvat.written(pictures(), table))
        files.write(folder / "labels.json", json.dumps(cvat.label_list(table), indent=1) + "\n")
    if "coco" in formats:
        files.write(folder / "coco.json", coco.written(pictures(), table))
