"""People on foot and on bicycles."""

from __future__ import annotations

import numpy as np

from enet_ros.street.noise import smooth
from enet_ros.street.sprites import Color, Sketch, Sprite, darker

PHASES = 6
"""Steps of a walking cycle."""
_JACKETS: tuple[Color, ...] = (
    (34, 35, 42), (84, 32, 38), (40, 54, 84), (52, 56, 46),
    (146, 140, 130), (24, 23, 25), (88, 68, 46), (58, 58, 62),
)  # fmt: skip
_TROUSERS: tuple[Color, ...] = ((52, 66, 100), (28, 28, 32), (92, 82, 66), (50, 54, 62))
_RIDERS: tuple[Color, ...] = ((186, 196, 52), (30, 30, 34), (92, 40, 42), (178, 190, 60))
_SKIN: tuple[Color, ...] = ((206, 160, 132), (170, 122, 94), (112, 76, 58), (214, 172, 146))
_HAIR: tuple[Color, ...] = ((44, 32, 25), (20, 18, 18), (108, 78, 48), (128, 122, 116))
_SHOE: Color = (26, 24, 24)


def person(variant: int, phase: int, across: bool) -> Sprite:
    """Someone 1.75 m tall: along the street, seen from the front or behind, or across it, seen from the side."""
    swing = float(np.sin(2 * np.pi * phase / PHASES))
    sketch = Sketch(0.9, 1.78, 110)
    if across:
        _from_the_side(sketch, variant, swing)
    else:
        _from_behind(sketch, variant, swing)
    return _finished(sketch, variant)


def _from_behind(sketch: Sketch, variant: int, swing: float) -> None:
    jacket, trousers = _JACKETS[variant % 8], _TROUSERS[variant // 2 % 4]
    for sign in (-1, 1):
        step = 0.07 * swing * sign
        foot = (sign * 0.085 + 0.2 * step, max(0.05, 0.05 + 0.9 * step))
        knee = (sign * 0.09 + 0.3 * step, 0.48)
        shade = 0.78 if sign * swing > 0 else 1.0
        _tapered(sketch, (sign * 0.085, 0.9), knee, 0.18, 0.135, darker(trousers, shade))
        _tapered(sketch, knee, foot, 0.135, 0.105, darker(trousers, 0.92 * shade))
        sketch.disc(foot[0] + 0.01 * sign, foot[1], 0.06, _SHOE, 0.8)
        hand = (sign * 0.25, 0.8 + 0.05 * swing * sign)
        _tapered(sketch, (sign * 0.18, 1.4), (sign * 0.245, 1.1), 0.12, 0.1, darker(jacket, 0.82))
        _tapered(sketch, (sign * 0.245, 1.12), hand, 0.1, 0.075, darker(jacket, 0.76))
        sketch.disc(hand[0], hand[1] - 0.03, 0.04, _SKIN[variant // 3 % 4])
    hem = 0.62 if variant % 5 == 0 else 0.82  # a coat, or a jacket
    outline = [(0.19, 0.95), (0.175, 1.1), (0.21, 1.32), (0.19, 1.42), (0.07, 1.5)]
    back = [(-0.18, hem), (0.18, hem), *outline, *((-x, z) for x, z in reversed(outline))]
    sketch.polygon(back, jacket)
    sketch.polygon([(0.04, hem), (0.18, hem), *outline], darker(jacket, 0.78))
    if variant % 3 == 0:
        bag = _JACKETS[(variant + 3) % 8]
        sketch.disc(0, 1.2, 0.15, bag, 1.35)
        sketch.rect(-0.1, 0.1, 1.0, 1.12, darker(bag, 0.75))
    _head(sketch, 0.0, variant)


def _from_the_side(sketch: Sketch, variant: int, swing: float) -> None:
    jacket, trousers = _JACKETS[variant % 8], _TROUSERS[variant // 2 % 4]
    ahead = 1 if variant % 4 < 2 else -1
    for sign in (1, -1):  # the far leg and arm first
        stride = sign * (0.11 + 0.13 * swing) * ahead
        shade = 0.72 if sign > 0 else 1.0
        knee, foot = (0.6 * stride + 0.03 * ahead, 0.5), (1.25 * stride, 0.06 + 0.12 * max(-sign * swing, 0.0))
        _tapered(sketch, (0, 0.92), knee, 0.2, 0.14, darker(trousers, shade))
        _tapered(sketch, knee, foot, 0.14, 0.1, darker(trousers, 0.92 * shade))
        sketch.limb((foot[0] - 0.06 * ahead, foot[1] - 0.02), (foot[0] + 0.15 * ahead, foot[1] - 0.03), 0.07, _SHOE)
    outline = [(-0.13, 0.82), (0.13, 0.82), (0.15, 1.1), (0.14, 1.36), (0.05, 1.5), (-0.07, 1.5), (-0.15, 1.34)]
    sketch.polygon([(x * ahead, z) for x, z in outline], jacket)
    elbow, hand = (-0.1 * swing * ahead - 0.03 * ahead, 1.12), (0.1 * ahead - 0.16 * swing * ahead, 0.88)
    _tapered(sketch, (-0.01 * ahead, 1.42), elbow, 0.13, 0.1, darker(jacket, 0.74))
    _tapered(sketch, elbow, hand, 0.1, 0.075, darker(jacket, 0.7))
    sketch.disc(hand[0], hand[1] - 0.02, 0.04, _SKIN[variant // 3 % 4])
    if variant % 3 == 0:
        sketch.disc(-0.19 * ahead, 1.22, 0.1, _JACKETS[(variant + 3) % 8], 1.8)
    _head(sketch, 0.02 * ahead, variant, 0.05 * ahead)


def _head(sketch: Sketch, x: float, variant: int, face: float = 0.0) -> None:
    """face: how far to the right the face lies; 0 is seen from behind, or from the front for odd variants."""
    skin, hair = _SKIN[variant // 3 % 4], _HAIR[variant // 4 % 4]
    sketch.rect(x - 0.05, x + 0.05, 1.44, 1.56, darker(skin, 0.85))
    sketch.disc(x, 1.63, 0.088, skin if variant % 2 or face else hair, 1.35)
    sketch.disc(x - 0.4 * face, 1.67, 0.093, hair, 1.0)


def bicyclist(variant: int, phase: int) -> Sprite:
    """Someone on a bicycle, seen from the front or behind."""
    jacket, trousers = _RIDERS[variant % 4], _TROUSERS[(variant // 2 + 1) % 4]
    push = 0.12 * float(np.sin(2 * np.pi * phase / PHASES))
    sketch = Sketch(0.8, 1.78, 110)
    sketch.disc(0, 0.345, 0.045, (22, 22, 24), 7.6)  # the wheel, and the mudguard over it
    sketch.disc(0, 0.345, 0.02, (84, 84, 86), 13.0)
    sketch.rect(-0.035, 0.035, 0.42, 0.72, (48, 48, 52))
    sketch.rect(-0.15, 0.15, 0.33, 0.36, (60, 60, 64))
    for sign in (-1, 1):
        knee = (sign * 0.15, 0.72 + sign * push)
        foot = (sign * 0.12, 0.3 + sign * push)
        _tapered(sketch, (sign * 0.09, 1.0), knee, 0.19, 0.14, trousers)
        _tapered(sketch, knee, foot, 0.135, 0.1, darker(trousers, 0.84))
        sketch.disc(foot[0], foot[1] - 0.02, 0.06, _SHOE, 0.8)
        _tapered(sketch, (sign * 0.18, 1.38), (sign * 0.29, 1.14), 0.12, 0.1, darker(jacket, 0.8))
        _tapered(sketch, (sign * 0.29, 1.15), (sign * 0.25, 0.98), 0.095, 0.07, darker(jacket, 0.74))
    sketch.limb((-0.28, 0.97), (0.28, 0.97), 0.035, (42, 42, 46))
    sketch.disc(0, 0.95, 0.17, darker(trousers, 0.9), 0.7)
    outline = [(0.16, 0.96), (0.18, 1.1), (0.215, 1.32), (0.18, 1.42), (0.07, 1.48)]
    sketch.polygon([*outline, *((-x, z) for x, z in reversed(outline))], jacket)
    sketch.polygon([(0.03, 0.96), *outline], darker(jacket, 0.82))
    if variant % 4 in (0, 3):
        sketch.rect(-0.18, 0.18, 1.08, 1.14, (206, 208, 202))
    sketch.disc(0, 0.8, 0.035, (178, 24, 24))
    sketch.rect(-0.045, 0.045, 1.45, 1.54, _SKIN[variant % 4])
    sketch.disc(0, 1.6, 0.09, _SKIN[variant % 4], 1.25)
    sketch.disc(0, 1.66, 0.115, ((40, 40, 44), (196, 196, 192), (36, 46, 84), (60, 58, 58))[variant % 4], 0.85)
    return _finished(sketch, variant)


def _tapered(
    sketch: Sketch, start: tuple[float, float], end: tuple[float, float], thick: float, thin: float, color: Color
) -> None:
    """A limb that grows thinner, with a round joint at either end."""
    along = np.array(end) - start
    side = np.array((-along[1], along[0])) / (np.hypot(*along) + 1e-9) / 2
    corners = [np.array(start) + side * thick, np.array(end) + side * thin]
    corners += [np.array(end) - side * thin, np.array(start) - side * thick]
    sketch.polygon([(float(x), float(z)) for x, z in corners], color)
    sketch.disc(*start, thick / 2, color)
    sketch.disc(*end, thin / 2, color)


def _finished(sketch: Sketch, variant: int) -> Sprite:
    """With the folds of the clothes, and darker towards the ground."""
    rng = np.random.default_rng(2000 + variant)
    folds = 1 + 0.09 * smooth(rng, sketch.shape, 30) + 0.05 * smooth(rng, sketch.shape, 8)
    down = np.linspace(1.08, 0.8, sketch.shape[0], dtype=np.float32)[:, None]
    sketch.stroke_texture((folds * down).astype(np.float32))
    return sketch.finish()
