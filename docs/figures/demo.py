"""Draws docs/figures/demo.png, what `./run demo` shows: `./run exec python docs/figures/demo.py [model]`.

One frame of the synthetic street beside the shipped model's labels over it, with the end of free space in each column.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from enet_ros.engines import create
from enet_ros.model_file import DEFAULT, read_card, resolve
from enet_ros.products.free_space import find_free_space
from enet_ros.products.images import overlay, surface_image, surface_lut
from enet_ros.segmenter import Segmenter
from enet_ros.street import Street

SEED, INDEX = 0, 150
WIDTH = 1200
FREE_SPACE = (255, 255, 255)


def main() -> None:
    """Draw the picture."""
    path = resolve(sys.argv[1] if len(sys.argv) > 1 else DEFAULT)
    card = read_card(path)
    image = Street(SEED).frame(INDEX).image
    engine = create("auto", path)
    labels = Segmenter(engine, card).segment(image).labels
    engine.close()
    seen = overlay(image, labels, card.classes.lut(), 0.5)
    ends = find_free_space(surface_image(labels, surface_lut(card.classes))).boundary_row
    for column, row in enumerate(ends.tolist()):
        cv2.circle(seen, (column, row), 2, FREE_SPACE, -1)
    pair = np.hstack([image, seen])
    pair = cv2.resize(pair, (WIDTH, round(WIDTH * pair.shape[0] / pair.shape[1])), interpolation=cv2.INTER_AREA)
    # 256 colours: a third of a full picture's bytes.
    picture = Image.fromarray(pair).quantize(256, dither=Image.Dither.NONE)
    picture.save(Path(__file__).with_suffix(".png"), optimize=True)


if __name__ == "__main__":
    main()
