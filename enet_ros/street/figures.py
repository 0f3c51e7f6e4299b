"""The sprites of what stands still: trees, signs, end walls of houses."""

from __future__ import annotations

import cv2
import numpy as np

from enet_ros.street.facades import foliage, masonry
from enet_ros.street.layout import TINTS
from enet_ros.street.noise import smooth
from enet_ros.street.sprites import Sketch, Sprite, darker


def tree(variant: int) -> Sprite:
    """A street tree, 6.5 to 8 m; the crown begins above 2.3 m."""
    rng = np.random.default_rng(1000 + variant)
    height = float(rng.uniform(6.4, 8.0))
    sketch = Sketch(5.6, height, 40)
    bark = (82, 70, 58)
    crown = np.zeros(sketch.shape, np.uint8)
    middle = (height + 2.6) / 2
    sketch.polygon([(-0.17, 0), (0.17, 0), (0.1, middle), (-0.1, middle)], bark)
    sketch.polygon([(0.04, 0), (0.17, 0), (0.1, middle), (0.02, middle)], darker(bark, 0.65))
    for _ in range(9):
        angle, reach = float(rng.uniform(-1.1, 1.1)), float(rng.uniform(1.2, 2.4))
        start = (0.0, float(rng.uniform(2.1, 3.4)))
        sketch.limb(start, (reach * np.sin(angle), start[1] + reach * np.cos(angle)), 0.09, darker(bark, 0.8))
    spots = rng.normal((0, middle), (1.05, (height - 2.6) / 4.6), (70, 2))
    for x, z in spots:
        radius = float(rng.uniform(0.3, 0.65))
        x, z = float(np.clip(x, -2.6 + radius, 2.6 - radius)), float(np.clip(z, 2.35 + radius, height - radius))
        centre = (round((x + 2.8) * 120), round((height - z) * 120))
        cv2.circle(crown, centre, round(radius * 120), 255, -1)
    holes = smooth(rng, sketch.shape, 22) + 0.7 * smooth(rng, sketch.shape, 9)
    crown[holes > 1.75] = 0
    crown[cv2.GaussianBlur(crown, (0, 0), 9) + 38.0 * smooth(rng, sketch.shape, 10) < 120] = 0
    tint = ((86, 98, 50), (74, 92, 52), (104, 104, 56), (92, 84, 48))[variant % 4]
    leaves = foliage(sketch.shape, tint, rng, leaf=7.0).astype(np.float32)
    low = np.linspace(1.25, 0.5, sketch.shape[0], dtype=np.float32)[:, None, None]
    leaves = np.clip(leaves * low, 0, 255).astype(np.uint8)
    sketch.rgb[crown > 0] = leaves[crown > 0]
    sketch.cover[crown > 0] = 255
    return sketch.finish()


def sign(variant: int) -> Sprite:
    """A traffic sign's board; it hangs at base_m above the ground."""
    red, blue, white, black = (196, 30, 36), (34, 76, 156), (238, 238, 236), (24, 24, 26)
    if variant % 8 == 6:
        sketch = Sketch(1.2, 0.7, 60, 2.1)
        sketch.rect(-0.6, 0.6, 0, 0.7, white)
        sketch.rect(-0.56, 0.56, 0.04, 0.66, (28, 108, 72))
        for z in (0.16, 0.4):
            sketch.rect(-0.45, 0.3, z, z + 0.11, white)
        return sketch.finish()
    sketch = Sketch(0.7, 0.7, 60, 2.15)
    kind = variant % 8
    if kind in (0, 1, 5):
        sketch.disc(0, 0.35, 0.34, red)
        if kind == 0:
            sketch.rect(-0.23, 0.23, 0.29, 0.41, white)
        else:
            sketch.disc(0, 0.35, 0.25, white)
            sketch.rect(-0.14, -0.03, 0.23, 0.47, black)
            sketch.rect(0.03, 0.14, 0.23, 0.47, black)
    elif kind == 2:
        sketch.polygon([(-0.34, 0.03), (0.34, 0.03), (0, 0.66)], red)
        sketch.polygon([(-0.22, 0.1), (0.22, 0.1), (0, 0.5)], white)
        sketch.rect(-0.03, 0.03, 0.16, 0.36, black)
    elif kind == 3:
        sketch.disc(0, 0.35, 0.34, blue)
        sketch.polygon(
            [(-0.05, 0.12), (0.05, 0.12), (0.05, 0.36), (0.16, 0.36), (0, 0.58), (-0.16, 0.36), (-0.05, 0.36)], white
        )
    elif kind == 4:
        sketch.rect(-0.3, 0.3, 0.02, 0.68, white)
        sketch.rect(-0.27, 0.27, 0.05, 0.65, blue)
        sketch.rect(-0.12, -0.03, 0.14, 0.56, white)
        sketch.disc(0.03, 0.43, 0.13, white)
        sketch.disc(0.02, 0.43, 0.06, blue)
    else:
        sketch.rect(-0.32, 0.32, 0.03, 0.67, blue)
        sketch.polygon([(-0.24, 0.1), (0.24, 0.1), (0, 0.58)], white)
    return sketch.finish()


def traffic_light(variant: int) -> Sprite:
    """A signal head; variant 0 shows red, 1 green."""
    sketch = Sketch(0.36, 0.95, 60, 2.2)
    sketch.rect(-0.17, 0.17, 0, 0.95, (28, 28, 30))
    lit = ((244, 50, 40), (60, 220, 130))[variant % 2]
    for number, color in enumerate(((70, 28, 26), (80, 64, 24), (24, 66, 44))):
        bright = number == (0, 2)[variant % 2]
        sketch.disc(0, 0.77 - 0.29 * number, 0.105, lit if bright else color)
    return sketch.finish()


def end_wall(kind: str, tint: int, height: float, depth: float) -> Sprite:
    """The side of a house that a gap lays open."""
    rng = np.random.default_rng(7 * tint + round(height * 10))
    sketch = Sketch(depth, height, 16)
    sketch.rect(-depth / 2, depth / 2, 0, height, (255, 255, 255))
    wall = masonry(kind, sketch.shape, darker(TINTS[kind][tint], 0.8), rng)
    sketch.rgb[:] = wall
    roof = round(1.6 * 48)
    sketch.rgb[:roof] = masonry("plaster", (roof, sketch.shape[1]), (92, 86, 86), rng)
    for x in (-depth / 4, depth / 5):
        for z in np.arange(4.2, height - 2.6, 2.9):
            sketch.rect(x, x + 0.9, float(z), float(z) + 1.3, (66, 74, 84))
    return sketch.finish()
