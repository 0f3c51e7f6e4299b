"""docs/figures/worst.jpg: the frames where a model's road is worst, of CamVid's and LUMS's val.

python docs/figures/worst.py road camvid=camvid/ lums=lums/
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from enet_ros.arrays import U8
from enet_ros.classes import VOID
from enet_ros.engines import create
from enet_ros.evaluation.predict import predict
from enet_ros.frames.files import from_dataset
from enet_ros.model_file import read_card, resolve

FRAMES, WIDTH, HEIGHT = 4, 280, 210
FOUND, WRONG, MISSED = (0, 200, 0), (230, 0, 0), (0, 90, 255)
"""Colours of road that is found, of what is called road and is not, and of road that is not called so."""


class Judged(NamedTuple):
    """IoU of what is drivable, and the picture of it."""

    iou: float
    picture: U8


def judged(rgb: U8, road: U8, called: U8, known: U8) -> Judged:
    """The image beside itself with the road marked."""
    kinds = ((road & called, FOUND), (called & ~road & known, WRONG), (road & ~called, MISSED))
    marked = rgb.astype(np.float32)
    for mask, color in kinds:
        marked[mask] = 0.45 * marked[mask] + 0.55 * np.array(color)
    hit, wrong, missed = (int(mask.sum()) for mask, _ in kinds)
    iou = hit / max(1, hit + wrong + missed)
    pair = [
        cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for image in (rgb, marked.astype(np.uint8))
    ]
    picture = np.hstack(pair)
    cv2.putText(picture, f"{100 * iou:.0f} %", (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return Judged(iou, picture)


def main() -> None:
    """Write the picture."""
    path = resolve(sys.argv[1])
    engine, rows = create("auto", path, confidence=True), []
    for name, root in (argument.split("=") for argument in sys.argv[2:]):
        source = from_dataset(name, Path(root), "val")
        assert source.table is not None
        drivable = source.table.membership(source.table.drivable) > 0
        frames = [
            judged(
                answer.frame.rgb,
                drivable[answer.frame.truth],
                drivable[answer.labels],
                answer.frame.truth != VOID,
            )
            for answer in predict(source, engine, read_card(path), source.table)
        ]
        worst = [frame.picture for frame in sorted(frames, key=lambda frame: frame.iou)[:FRAMES]]
        rows += [np.hstack(worst[index : index + 2]) for index in range(0, FRAMES, 2)]
    out = Path(__file__).with_name("worst.jpg")
    cv2.imwrite(str(out), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    main()
