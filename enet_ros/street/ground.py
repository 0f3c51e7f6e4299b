"""The ground's picture: asphalt with its marks, kerbs and paving, and the shadows of what stands on it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.street.atlas import Texture
from enet_ros.street.faces import Face
from enet_ros.street.layout import FACADE_Y, FAR_Y, KERB_Y, LANE_HALF_WIDTH, PERIOD_M, Layout, Side
from enet_ros.street.noise import Field, grain, smooth, tinted
from enet_ros.street.sheet import Sheet

SUN_ACROSS, SUN_ALONG, SUN_UP = 0.62, -0.35, 0.70
"""Where the light comes from: across the street (from the sun's side), along it, and up."""
WHITE, YELLOW = (226.0, 226.0, 218.0), (206.0, 176.0, 96.0)


def ground(layout: Layout, rng: np.random.Generator, eye_height_m: float) -> Texture:
    """From the left fronts to the right ones, 2 cm a texel."""
    sheet = Sheet(FACADE_Y, 2 * FACADE_Y, 50)
    _asphalt(sheet, rng)
    _repairs(sheet, rng)
    _marks(sheet, layout, rng)
    for side in Side:
        _pavement(sheet, side, rng)
    sheet.rgb[:] = np.clip(sheet.rgb * _light(sheet, layout, rng)[..., None], 0, 255)
    return sheet.texture(eye_height_m)


def yard(rng: np.random.Generator, eye_height_m: float) -> Texture:
    """The ground behind a gap in the fronts, v = distance from the front plane; 10 cm a texel."""
    sheet = Sheet(FAR_Y - FACADE_Y, FAR_Y - FACADE_Y, 10)
    sheet.rgb[:] = tinted(1 + 0.06 * smooth(rng, sheet.shape, 30) + 0.06 * grain(rng, sheet.shape), (138, 134, 124))
    return sheet.texture(eye_height_m)


def _asphalt(sheet: Sheet, rng: np.random.Generator) -> None:
    shape = sheet.shape
    y = np.linspace(FACADE_Y, -FACADE_Y, shape[0], dtype=np.float32)[:, None]
    tracks = sum(np.exp(-(((y - centre) / 0.35) ** 2)) for centre in (-2.45, -0.95, 0.95, 2.45))
    oil = sum(np.exp(-(((y - centre) / 0.3) ** 2)) for centre in (-1.7, 1.7))
    shade = 1 + 0.05 * smooth(rng, shape, (120, 500)) + 0.035 * smooth(rng, shape, (20, 60))
    shade += 0.045 * smooth(rng, shape, 3) + 0.06 * grain(rng, shape) + 0.05 * tracks - 0.05 * oil
    sheet.rgb[:] = tinted(shade.astype(np.float32), (96, 96, 99))


def _repairs(sheet: Sheet, rng: np.random.Generator) -> None:
    """Patches of newer asphalt, a trench, cracks, manholes."""
    for _ in range(7):
        x, y = float(rng.uniform(0, PERIOD_M - 5)), float(rng.uniform(-5, 3.5))
        sheet.shade(
            x, x + float(rng.uniform(1.5, 5)), y, y + float(rng.uniform(0.6, 1.6)), float(rng.uniform(0.78, 0.92))
        )
    trench = float(rng.uniform(10, 80))
    sheet.shade(trench, trench + 0.5, -KERB_Y, KERB_Y, 0.8)
    for _ in range(14):
        x, y = rng.uniform(0, PERIOD_M), rng.uniform(-5, 5)
        steps = rng.normal((0.25, 0), (0.2, 0.18), (20, 2)).cumsum(0) + (x, y)
        line = np.stack([steps[:, 0], FACADE_Y - steps[:, 1]], 1) * sheet.per_m
        cv2.polylines(sheet.rgb, [np.rint(line).astype(np.int32)], False, (62, 62, 64), 1, cv2.LINE_AA)
    for _ in range(5):
        centre = (int(rng.uniform(50, sheet.shape[1] - 50)), sheet.row(float(rng.uniform(-3.4, 3.4))))
        cv2.circle(sheet.rgb, centre, 17, (70, 68, 66), -1, cv2.LINE_AA)
        cv2.circle(sheet.rgb, centre, 14, (92, 90, 88), 2, cv2.LINE_AA)


def _marks(sheet: Sheet, layout: Layout, rng: np.random.Generator) -> None:
    cover = np.clip(0.86 + 0.16 * smooth(rng, sheet.shape, 8) + 0.08 * grain(rng, sheet.shape), 0, 1)
    for x in np.arange(0, PERIOD_M, 8.0):
        sheet.wear(float(x), float(x) + 4, -0.07, 0.07, WHITE, cover)
    for side in Side:
        sign = side.value
        for start, end in layout.bays[side]:
            edge = sign * LANE_HALF_WIDTH
            sheet.wear(start, end, min(edge, edge + sign * 0.1), max(edge, edge + sign * 0.1), WHITE, cover)
            for x in np.arange(start, end + 0.1, 6.0):
                inner, outer = sorted((edge, sign * (KERB_Y - 0.1)))
                sheet.wear(float(x), float(x) + 0.1, inner, outer, WHITE, cover)
        stretches = [0.0, *(x for bay in layout.bays[side] for x in bay), PERIOD_M]
        for start, end in zip(stretches[::2], stretches[1::2], strict=True):
            for offset in (0.25, 0.45):
                low, high = sorted((sign * (KERB_Y - offset), sign * (KERB_Y - offset - 0.08)))
                sheet.wear(start, end, low, high, YELLOW, cover)
    x = layout.crossing_x
    sheet.wear(x - 0.6, x + 3.6, -0.09, 0.09, (96, 96, 99), np.ones_like(cover))
    for y in np.arange(-4.8, 4.9, 1.2):
        sheet.wear(x, x + 3.0, float(y) - 0.3, float(y) + 0.3, WHITE, cover)
    sheet.wear(x - 1.6, x - 1.3, -LANE_HALF_WIDTH, -0.1, WHITE, cover)
    sheet.wear(x + 4.3, x + 4.6, 0.1, LANE_HALF_WIDTH, WHITE, cover)


def _pavement(sheet: Sheet, side: Side, rng: np.random.Generator) -> None:
    low, high = sorted((side.value * KERB_Y, side.value * FACADE_Y))
    rows, columns = sheet.block(0, PERIOD_M, low, high)
    shape = (rows.stop - rows.start, columns.stop)
    slab = 30  # texels: 0.6 m
    slabs = (shape[0] // slab + 1, shape[1] // slab)
    each: Field = np.kron(1 + 0.035 * rng.standard_normal(slabs, np.float32), np.ones((slab, slab), np.float32))
    shade = each[: shape[0], : shape[1]] + 0.05 * smooth(rng, shape, (60, 200)) + 0.045 * grain(rng, shape)
    joints = (np.arange(shape[0])[:, None] % slab == 0) | (np.arange(shape[1])[None] % slab == 0)
    shade = np.where(joints, shade * 0.8, shade)
    sheet.rgb[rows, columns] = tinted(shade.astype(np.float32), (156, 152, 145))
    kerb, sign = sorted((side.value * KERB_Y, side.value * (KERB_Y + 0.16))), side.value
    kerb_rows, _ = sheet.block(0, PERIOD_M, *kerb)
    stones = 1 + 0.04 * rng.standard_normal((1, sheet.shape[1] // 50), np.float32).repeat(50, 1)
    stones = stones + 0.04 * grain(rng, (kerb_rows.stop - kerb_rows.start, sheet.shape[1]))
    sheet.rgb[kerb_rows] = tinted(stones.astype(np.float32), (182, 179, 172))
    gutter = sorted((sign * (KERB_Y - 0.14), sign * KERB_Y))
    sheet.shade(0, PERIOD_M, gutter[0], gutter[1], 0.62)


def _light(sheet: Sheet, layout: Layout, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """1 in the sun; less in the shadow of houses and trees, computed at 10 cm and softened."""
    step = 5
    rows, columns = sheet.shape[0] // step, sheet.shape[1] // step
    x = (np.arange(columns, dtype=np.float32) + 0.5) * step / sheet.per_m
    y = FACADE_Y - (np.arange(rows, dtype=np.float32)[:, None] + 0.5) * step / sheet.per_m
    away = np.abs(layout.sun_side.value * FACADE_Y - y)
    reach = away / SUN_ACROSS
    along = np.broadcast_to(x + reach * SUN_ALONG, (rows, columns)) % PERIOD_M
    heights = house_heights(layout, layout.sun_side)
    shadow = (reach * SUN_UP < heights[(along * 10).astype(int) % len(heights)]).astype(np.float32)
    for thing in layout.standing:
        if thing.kind == "tree":
            for _ in range(26):
                up = 4.2 + 1.1 * float(rng.standard_normal())
                at_x = thing.x - up / SUN_UP * SUN_ALONG + 0.9 * float(rng.standard_normal())
                at_y = thing.y - up / SUN_UP * SUN_ACROSS * layout.sun_side.value + 0.9 * float(rng.standard_normal())
                _blob(shadow, at_x, at_y, float(rng.uniform(0.25, 0.6)))
        elif thing.kind == "car":
            _blob(shadow, thing.x - 1.1, thing.y, 1.25)
            _blob(shadow, thing.x + 1.1, thing.y, 1.25)
    shadow = cv2.GaussianBlur(shadow, (0, 0), 1.6)
    big = cv2.resize(shadow, sheet.shape[::-1], interpolation=cv2.INTER_LINEAR)
    light: Field = np.asarray(1.04 - 0.36 * big, np.float32)
    return light


def _blob(shadow: Field, x: float, y: float, radius: float) -> None:
    for shift in (-PERIOD_M, 0, PERIOD_M):
        cv2.circle(shadow, (round((x + shift) * 10), round((FACADE_Y - y) * 10)), round(radius * 10), 1.0, -1)


def house_heights(layout: Layout, side: Side) -> npt.NDArray[np.float32]:
    """Height of the front line, metres, every 10 cm along one period."""
    heights = np.zeros(round(PERIOD_M * 10), np.float32)
    for plot in layout.plots[side]:
        heights[round(plot.start * 10) : round((plot.start + plot.width) * 10)] = plot.height
    return heights


def ground_face(y: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Face id of ground at y: road between the kerbs, pavement beyond."""
    return np.where(np.abs(y) < KERB_Y, Face.ROAD, Face.PAVEMENT).astype(np.uint8)
