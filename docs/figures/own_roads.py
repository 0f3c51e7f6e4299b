"""docs/figures/chosen.jpg and own_roads.jpg: the pictures of docs/your_own_roads.md.

python docs/figures/own_roads.py FRAMES VAL_IMAGES VAL_LABELS BEFORE AFTER: a folder that `enet_ros bag extract` wrote
with --prelabel, frames of LUMS with their labels, and the models before and after.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import cv2
import numpy as np

from enet_ros.arrays import U8
from enet_ros.engines import create
from enet_ros.evaluation.compare import Contender, compare
from enet_ros.frames import Frame
from enet_ros.frames.files import from_pairs
from enet_ros.metrics import FrameChange
from enet_ros.model_file import read_card, resolve
from enet_ros.products.images import overlay

FOLDER, WIDTH, HEIGHT, COLUMNS = Path(__file__).parent, 240, 180, 4


def small(picture: U8, text: str = "") -> U8:
    """WIDTH x HEIGHT, with a text in its corner."""
    shrunk = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    for color, thick in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(shrunk, text, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.48, color, thick, cv2.LINE_AA)
    return np.asarray(shrunk, np.uint8)


def grid(rows: list[list[U8]], name: str) -> None:
    """Write pictures in rows as a JPEG."""
    picture = np.vstack([np.hstack(row) for row in rows])
    cv2.imwrite(str(FOLDER / name), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 84])


def chosen(frames: Path) -> None:
    """Eight of the pictures taken out of the drive, evenly, with the first guess for the annotator over them."""
    from enet_ros.datasets.folder import load_format

    table = load_format(frames / "classes.yaml").table
    with (frames / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    pictures = []
    for row in (rows[index * len(rows) // (2 * COLUMNS)] for index in range(2 * COLUMNS)):
        rgb = cv2.cvtColor(cv2.imread(str(frames / row["file"])), cv2.COLOR_BGR2RGB)
        mask = frames / "labels" / Path(row["file"]).relative_to("images").with_suffix(".png")
        labels = np.asarray(cv2.imread(str(mask), cv2.IMREAD_UNCHANGED), np.uint8)
        pictures.append(small(overlay(np.asarray(rgb, np.uint8), labels, table.lut(), 0.45), f"no. {row['number']}"))
    grid([pictures[:COLUMNS], pictures[COLUMNS:]], "chosen.jpg")


def gained(images: Path, labels: Path, before: str, after: str) -> None:
    """The four frames that gained most: before, after, and the labels."""
    source = from_pairs(images, labels, "lums")
    assert source.table is not None
    lut, best = source.table.lut(), []

    def seen(frame: Frame, first: U8, second: U8, change: FrameChange) -> None:
        assert frame.truth is not None
        texts = f"before: {100 * change.before:.0f} % right", f"after: {100 * change.after:.0f} %", "labels"
        layers = zip((first, second, frame.truth), texts, strict=True)
        best.append((change.gain, [small(overlay(frame.rgb, layer, lut, 0.45), text) for layer, text in layers]))
        best.sort(key=lambda item: -item[0])
        del best[COLUMNS:]

    sides = []
    for name in (before, after):
        path = resolve(name)
        sides.append(Contender(name, create("auto", path, confidence=True), read_card(path)))
    compare(source, *sides, seen)
    grid([[column[row] for _, column in best] for row in range(3)], "own_roads.jpg")


if __name__ == "__main__":
    chosen(Path(sys.argv[1]))
    gained(Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:6])
