"""What stands and moves: cars, people, trees, signs, lamps, and the end of the street."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import lru_cache

import cv2
import numpy as np

from enet_ros.street.drawing import Color, Corner, Model, Modeller, Point, Sketch, Sprite, darker, smooth
from enet_ros.street.surfaces import foliage
from enet_ros.street.world import Thing

_PHASES = 6
"""Steps of a walking cycle."""
_PAINTS: tuple[Color, ...] = (
    (196, 198, 202), (150, 26, 30), (34, 56, 104), (226, 226, 224), (38, 74, 60), (178, 170, 152), (60, 92, 140),
    (120, 34, 48),
)  # fmt: skip
"""Nothing grey or black: a plain flank would look like asphalt to a network."""
_CARS = (
    (3.9, 1.7, 1.47, 0.9, (-1.93, -1.6, 0.35, 1.05)),
    (4.4, 1.76, 1.43, 0.88, (-1.6, -0.95, 0.35, 1.15)),
    (4.5, 1.78, 1.5, 0.92, (-2.2, -1.9, 0.35, 1.15)),
    (4.8, 1.9, 1.95, 1.1, (-2.38, -2.3, 1.0, 1.6)),
)
"""Hatchback, saloon, estate, van: length, width, height, belt line, and the cabin along x, metres: foot and top of the
rear screen, top and foot of the windscreen."""
_GLASS, _SHINE, _TYRE, _RIM, _DARK = (46, 56, 66), (104, 120, 134), (26, 26, 28), (150, 152, 156), (34, 34, 36)
_JACKETS: tuple[Color, ...] = (
    (34, 35, 42), (84, 32, 38), (40, 54, 84), (52, 56, 46),
    (146, 140, 130), (24, 23, 25), (88, 68, 46), (58, 58, 62),
)  # fmt: skip
_TROUSERS: tuple[Color, ...] = ((52, 66, 100), (28, 28, 32), (92, 82, 66), (50, 54, 62))
_SKIN: tuple[Color, ...] = ((206, 160, 132), (170, 122, 94), (112, 76, 58), (214, 172, 146))
_HAIR: tuple[Color, ...] = ((44, 32, 25), (20, 18, 18), (108, 78, 48), (128, 122, 116))
_HELMETS: tuple[Color, ...] = ((40, 40, 44), (196, 196, 192), (36, 46, 84), (60, 58, 58))
_SHOE: Color = (26, 24, 24)
_STEEL: Color = (112, 116, 118)


def look(thing: Thing, seconds: float) -> tuple[Model | Sprite, ...]:
    """What to paint for a thing at a time, in this order; people take two steps a second."""
    return _drawn(thing.kind, thing.variant, int(seconds * _PHASES * 1.1 + thing.x) % _phases(thing))


def prepare(things: Iterable[Thing]) -> None:
    """Draw what the things look like at any time, so that no frame has to wait for it."""
    for thing in things:
        for phase in range(_phases(thing)):
            _drawn(thing.kind, thing.variant, phase)


def _phases(thing: Thing) -> int:
    return _PHASES if thing.speed and thing.kind in _WALKERS else 1


@lru_cache(maxsize=256)
def _drawn(kind: str, variant: int, phase: int) -> tuple[Model | Sprite, ...]:
    return (_WALKERS[kind](variant, phase),) if kind in _WALKERS else _OTHERS[kind](variant)


def _car(variant: int) -> tuple[Model]:
    paint = _PAINTS[variant // 4 % len(_PAINTS)]
    length, width, height, belt, (rear, rear_top, front_top, front) = _CARS[variant % 4]
    x, y = length / 2, width / 2
    model = Modeller()
    ground = [(-x, -y, 0.0), (x, -y, 0.0), (x, y, 0.0), (-x, y, 0.0)]
    model.face(ground, _DARK, is_face=False)  # its shadow
    right, front_end, left, rear_end, deck = _hull((-x, x, y, 0), (-x, x, y, belt))
    for side in (right, left):
        model.face(side, darker(paint, 0.9))
        _dress_side(model, x, belt, paint)
    model.face(front_end, darker(paint, 0.94))
    _dress_end(model, ((0.18, 0.28, _DARK), (0.27, 0.66, _DARK), (0.35, 0.48, (232, 232, 228))), 0.84, (226, 230, 232))
    model.face(rear_end, darker(paint, 0.82))
    _dress_end(model, ((0.0, 0.36, darker(paint, 0.62)), (0.35, 0.62, (214, 178, 70))), 0.97, (172, 20, 22))
    model.face(deck, darker(paint, 1.12))
    right, windscreen, left, rear_screen, roof = _hull((rear, front, y, belt), (rear_top, front_top, y - 0.16, height))
    for screen in (windscreen, rear_screen):
        model.face(screen, paint)
        _glaze(model, 0.06, 0.94)
    for side in (right, left):
        model.face(side, darker(paint, 0.92))
        _glaze(model, 0.07, 0.47)
        _glaze(model, 0.52, 0.93)
    model.face(roof, darker(paint, 1.2))
    return (model.finish("car"),)


def _hull(low: tuple[float, float, float, float], high: tuple[float, float, float, float]) -> list[list[Corner]]:
    """Right side, front, left side, rear and top between two rectangles, (rear x, front x, half width, z) each."""
    foot, top = ([(x0, -y, z), (x1, -y, z), (x1, y, z), (x0, y, z)] for x0, x1, y, z in (low, high))
    return [*([foot[n - 4], foot[n - 3], top[n - 3], top[n - 4]] for n in range(4)), top]


def _dress_side(model: Modeller, x: float, belt: float, paint: Color) -> None:
    """Sill, trim, doors and wheels of a car whose half length is x."""
    model.rect(0, 1, 0, 0.25, (21, 21, 22))
    model.rect(0, 1, 0.58, 0.62, darker(paint, 0.66))
    for door in (0.29, 0.51, 0.72):
        model.rect(door, door + 0.007, 0.28, 1, darker(paint, 0.55))
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    for hub in (0.4 / x, 1 - 0.4 / x):
        for radius, color in ((0.34, _TYRE), (0.19, _RIM)):
            across, up = hub + radius / (2 * x) * np.cos(turn), (0.31 + radius * np.sin(turn)) / belt
            model.detail(np.stack([across, up.clip(0)], 1).tolist(), color)


def _dress_end(model: Modeller, bars: tuple[tuple[float, float, Color], ...], high: float, lamp: Color) -> None:
    """Bumper, plate and grille (from the left, from below, colour; all in shares), lamps up to `high`, and tyres."""
    model.rect(0, 1, 0, 0.26, (20, 20, 21))
    for left, low, color in bars:
        model.rect(left, 1 - left, low, low + 0.16, color)
    for left in (0.02, 0.8):
        model.rect(left, left + 0.18, 0.64, high, lamp)
        model.rect(left + 0.02, left + 0.14, 0, 0.26, _TYRE)


def _glaze(model: Modeller, start: float, end: float) -> None:
    """A window that reflects the sky in its upper part."""
    model.rect(start, end, 0.07, 0.88, _GLASS)
    model.detail([(start, 0.53), (end, 0.69), (end, 0.88), (start, 0.88)], _SHINE)


def _strip(model: Modeller, y0: float, y1: float, z0: float, z1: float, color: Color) -> None:
    """A strip across the street that faces the camera, its right third in shade."""
    model.face([(0, y1, z0), (0, y0, z0), (0, y0, z1), (0, y1, z1)], color)
    model.rect(0.67, 1, 0, 1, darker(color, 0.66))


def _lamp(variant: int) -> tuple[Model]:
    """A street lamp of 7 m, its arm to the left, or to the right for variant 1."""
    model, arm = Modeller(), -1 if variant else 1
    _strip(model, -0.07, 0.07, 0, 7.0, _STEEL)
    _strip(model, arm * 0.75 - 0.75, arm * 0.75 + 0.75, 6.9, 7.0, _STEEL)
    _strip(model, arm * 1.4 - 0.3, arm * 1.4 + 0.3, 6.82, 6.98, (196, 198, 196))
    return (model.finish("pole"),)


def _sign(variant: int) -> tuple[Model, Sprite]:
    """A traffic light that shows green (variant 0), or one of three traffic signs, on its post."""
    red, blue, white, black = (196, 30, 36), (34, 76, 156), (238, 238, 236), (24, 24, 26)
    post = Modeller()
    _strip(post, -0.045, 0.045, 0, 2.85, (134, 138, 140))
    sketch = Sketch(0.7, 0.95, 60, 2.15)
    if variant == 0:
        sketch.rect(-0.17, 0.17, 0, 0.95, (28, 28, 30))
        for z, color in ((0.77, (70, 28, 26)), (0.48, (80, 64, 24)), (0.19, (60, 220, 130))):
            sketch.disc(0, z, 0.105, color)
    elif variant == 1:
        sketch.disc(0, 0.35, 0.34, red)
        sketch.rect(-0.23, 0.23, 0.29, 0.41, white)
    elif variant == 2:
        sketch.polygon([(-0.34, 0.03), (0.34, 0.03), (0, 0.66)], red)
        sketch.polygon([(-0.22, 0.1), (0.22, 0.1), (0, 0.5)], white)
        sketch.rect(-0.03, 0.03, 0.16, 0.36, black)
    else:
        sketch.rect(-0.32, 0.32, 0.03, 0.67, blue)
        sketch.polygon([(-0.24, 0.1), (0.24, 0.1), (0, 0.58)], white)
    return post.finish("pole"), sketch.finish("sign")


def _tree(variant: int) -> tuple[Sprite]:
    """A street tree, 6.5 to 8 m; the crown begins above 2.3 m."""
    rng = np.random.default_rng(1000 + variant)
    height = float(rng.uniform(6.4, 8.0))
    middle, bark = (height + 2.6) / 2, (82, 70, 58)
    sketch = Sketch(5.6, height, 40)
    sketch.polygon([(-0.17, 0), (0.17, 0), (0.1, middle), (-0.1, middle)], bark)
    sketch.polygon([(0.04, 0), (0.17, 0), (0.1, middle), (0.02, middle)], darker(bark, 0.65))
    for angle, reach, low in rng.uniform((-1.1, 1.2, 2.1), (1.1, 2.4, 3.4), (9, 3)):
        sketch.limb((0, low), (reach * math.sin(angle), low + reach * math.cos(angle)), 0.1, 0.06, darker(bark, 0.8))
    crown = np.zeros(sketch.shape, np.uint8)
    for x, z, radius in rng.normal((0, middle, 0.47), (1.05, (height - 2.6) / 4.6, 0.1), (70, 3)):
        x, z = np.clip((x, z), (radius - 2.6, 2.35 + radius), (2.6 - radius, height - radius))
        cv2.circle(
            crown,
            (round((x + 2.8) * sketch.scale), round((height - z) * sketch.scale)),
            round(radius * sketch.scale),
            255,
            -1,
        )
    crown[smooth(rng, sketch.shape, 22) + 0.7 * smooth(rng, sketch.shape, 9) > 1.75] = 0
    inside = cv2.GaussianBlur(crown, (0, 0), 9) + 38.0 * smooth(rng, sketch.shape, 10) >= 120
    inside &= crown > 0
    leaves = foliage(sketch.shape, ((86, 98, 50), (74, 92, 52), (104, 104, 56), (92, 84, 48))[variant % 4], rng, 7.0)
    lit = np.clip(leaves * np.linspace(1.25, 0.5, sketch.shape[0])[:, None, None], 0, 255)
    sketch.rgba[inside] = np.insert(lit[inside], 3, 255, 1)
    return (sketch.finish("tree"),)


def _person(variant: int, phase: int) -> Sprite:
    """Someone 1.75 m tall who walks along the street, seen from the front or behind."""
    jacket, trousers, skin = _JACKETS[variant % 8], _TROUSERS[variant // 2 % 4], _SKIN[variant // 3 % 4]
    swing = math.sin(2 * math.pi * phase / _PHASES)
    sketch = Sketch(0.9, 1.78, 110)
    for sign in (-1, 1):
        step = 0.07 * swing * sign
        knee, foot = (sign * 0.09 + 0.3 * step, 0.48), (sign * 0.085 + 0.2 * step, 0.05 + max(0.0, 0.9 * step))
        _leg(sketch, (sign * 0.085, 0.9), knee, foot, darker(trousers, 0.78 if step > 0 else 1.0))
        hand = (sign * 0.25, 0.8 + step)
        _arm(sketch, (sign * 0.18, 1.4), (sign * 0.245, 1.11), hand, darker(jacket, 0.8))
        sketch.disc(hand[0], hand[1] - 0.03, 0.04, skin)
    _trunk(sketch, 0.62 if variant % 5 == 0 else 0.82, jacket)  # a coat, or a jacket
    if variant % 3 == 0:
        sketch.disc(0, 1.18, 0.15, _JACKETS[(variant + 3) % 8], 1.35)  # a bag
    hair = _HAIR[variant // 4 % 4]
    _head(sketch, skin if variant % 2 else hair, hair)
    return _worn(sketch, variant, "pedestrian")


def _bicyclist(variant: int, phase: int) -> Sprite:
    """Someone on a bicycle, seen from the front or behind."""
    jacket, trousers, skin = _JACKETS[variant % 8], _TROUSERS[(variant // 2 + 1) % 4], _SKIN[variant % 4]
    push = 0.12 * math.sin(2 * math.pi * phase / _PHASES)
    sketch = Sketch(0.8, 1.78, 110)
    sketch.disc(0, 0.345, 0.045, (22, 22, 24), 7.6)  # the wheel, and the mudguard over it
    sketch.rect(-0.035, 0.035, 0.42, 0.72, (48, 48, 52))
    sketch.rect(-0.15, 0.15, 0.33, 0.36, (60, 60, 64))
    for sign in (-1, 1):
        _leg(sketch, (sign * 0.09, 1.0), (sign * 0.15, 0.72 + sign * push), (sign * 0.12, 0.3 + sign * push), trousers)
        _arm(sketch, (sign * 0.18, 1.38), (sign * 0.29, 1.14), (sign * 0.25, 0.98), darker(jacket, 0.78))
    sketch.rect(-0.28, 0.28, 0.955, 0.985, (42, 42, 46))
    _trunk(sketch, 0.92, jacket)
    sketch.disc(0, 0.8, 0.035, (178, 24, 24))
    _head(sketch, skin, _HELMETS[variant % 4])
    return _worn(sketch, variant, "bicyclist")


def _leg(sketch: Sketch, hip: Point, knee: Point, foot: Point, color: Color) -> None:
    sketch.limb(hip, knee, 0.185, 0.137, color)
    sketch.limb(knee, foot, 0.135, 0.1, darker(color, 0.9))
    sketch.disc(*foot, 0.06, _SHOE, 0.8)


def _arm(sketch: Sketch, shoulder: Point, elbow: Point, hand: Point, color: Color) -> None:
    sketch.limb(shoulder, elbow, 0.12, 0.1, color)
    sketch.limb(elbow, hand, 0.1, 0.075, darker(color, 0.93))


def _trunk(sketch: Sketch, hem: float, color: Color) -> None:
    right = [(0.18, hem), (0.185, 0.95), (0.175, 1.1), (0.21, 1.32), (0.19, 1.42), (0.07, 1.5)]
    sketch.polygon([*((-x, z) for x, z in right), *reversed(right)], color)
    sketch.polygon([(0.04, hem), *right], darker(color, 0.78))


def _head(sketch: Sketch, face: Color, hair: Color) -> None:
    sketch.rect(-0.05, 0.05, 1.44, 1.56, darker(face, 0.85))
    sketch.disc(0, 1.63, 0.088, face, 1.35)
    sketch.disc(0, 1.67, 0.1, hair, 0.95)


def _worn(sketch: Sketch, variant: int, label: str) -> Sprite:
    """Finished with the folds of the clothes, and darker towards the ground."""
    rng = np.random.default_rng(2000 + variant)
    folds = 1 + 0.09 * smooth(rng, sketch.shape, 30) + 0.05 * smooth(rng, sketch.shape, 8)
    shade = folds * np.linspace(1.08, 0.8, sketch.shape[0])[:, None]
    sketch.rgba[..., :3] = np.clip(sketch.rgba[..., :3] * shade[..., None], 0, 255)
    return sketch.finish(label)


def end_of_street(rng: np.random.Generator) -> tuple[Sprite, Sprite]:
    """What closes the view: houses of 160 m in all, and the trees before them."""
    houses, trees = Sketch(160, 26, 3), Sketch(160, 14, 3)
    for x, width, top in rng.uniform((-80, 6, 9), (75, 20, 24), (12, 3)):
        houses.rect(x, x + width, 0, top, darker((168, 150, 132), float(rng.uniform(0.7, 1.15))))
    skyline = 9 + 1.6 * smooth(rng, (2, trees.shape[1]), (2, 90))[0] + 0.8 * smooth(rng, (2, trees.shape[1]), (2, 9))[0]
    trees.rgba[..., :3] = foliage(trees.shape, (70, 80, 52), rng)
    trees.rgba[np.arange(trees.shape[0], 0, -1)[:, None] < skyline.clip(2, 14) * trees.scale, 3] = 255
    return houses.finish("building"), trees.finish("tree")


_WALKERS: dict[str, Callable[[int, int], Sprite]] = {"person": _person, "bicyclist": _bicyclist}
_OTHERS: dict[str, Callable[[int], tuple[Model | Sprite, ...]]] = {
    "car": _car, "lamp": _lamp, "sign": _sign, "tree": _tree,
}  # fmt: skip
