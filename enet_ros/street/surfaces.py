"""The large surfaces: the ground, the fronts of houses and parks, and the sky."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.arrays import F32, U8
from enet_ros.street.drawing import Color, Shape, Sheet, darker, grain, smooth, tinted
from enet_ros.street.world import FRONT_TOP, FRONT_Y, KERB_Y, LANE_HALF_WIDTH, PERIOD_M, Layout, Plot, Side, Surface

_T = TypeVar("_T")

_SUN_ACROSS, _SUN_ALONG, _SUN_UP = 0.62, -0.35, 0.70
"""Where the light comes from: across the street (from the sun's side), along it, and up."""
_WHITE, _YELLOW, _ASPHALT = (226.0, 226.0, 218.0), (206.0, 176.0, 96.0), (96.0, 96.0, 99.0)
_WALLS: dict[str, list[Color]] = {
    "brick": [(158, 112, 84), (139, 84, 66), (178, 150, 110), (168, 138, 100), (120, 82, 70)],
    "plaster": [(214, 206, 190), (196, 184, 160), (222, 214, 204), (188, 190, 190), (205, 180, 150)],
}
_ROOFS: list[Color] = [(92, 88, 92), (120, 84, 70), (84, 80, 78)]
_SHOPS: list[Color] = [(36, 58, 96), (124, 30, 34), (28, 74, 54), (40, 40, 44), (196, 150, 60), (70, 44, 90)]
_FRAME, _SILL = (228.0, 226.0, 218.0), (204.0, 198.0, 184.0)
_GLASS = np.array((58, 68, 80), np.float32)


def ground(layout: Layout, rng: np.random.Generator) -> Sheet:
    """From the left fronts to the right ones, 2 cm a texel, with the shadows of what stands on it."""
    sheet = Sheet(FRONT_Y, 2 * FRONT_Y, 50)
    _asphalt(sheet, rng)
    _marks(sheet, layout, np.clip(0.86 + 0.16 * smooth(rng, sheet.shape, 8) + 0.08 * grain(rng, sheet.shape), 0, 1))
    for side in Side:
        _pavement(sheet, side.value, rng)
    sheet.rgb[:] = np.clip(sheet.rgb * _light(sheet, layout, rng)[..., None], 0, 255)
    return sheet


def _asphalt(sheet: Sheet, rng: np.random.Generator) -> None:
    """With the lighter tracks of wheels and the darker oil between them."""
    shape = sheet.shape
    y = np.linspace(FRONT_Y, -FRONT_Y, shape[0], dtype=np.float32)[:, None]
    tracks = sum(np.exp(-(((y - centre) / 0.35) ** 2)) for centre in (-2.45, -0.95, 0.95, 2.45))
    oil = sum(np.exp(-(((y - centre) / 0.3) ** 2)) for centre in (-1.7, 1.7))
    shade = 1 + 0.05 * smooth(rng, shape, (120, 500)) + 0.035 * smooth(rng, shape, (20, 60))
    shade += 0.045 * smooth(rng, shape, 3) + 0.06 * grain(rng, shape) + 0.05 * tracks - 0.05 * oil
    sheet.rgb[:] = tinted(shade, _ASPHALT)


def _marks(sheet: Sheet, layout: Layout, cover: F32) -> None:
    """Middle line, bays, yellow lines and the crossing; cover: what traffic has left of the paint."""
    for x in np.arange(0, PERIOD_M, 8.0):
        sheet.rect(x, x + 4, -0.07, 0.07, _WHITE, cover)
    for side in Side:
        sign, (first, second) = side.value, layout.bays[side]
        for start, end in (first, second):
            sheet.rect(start, end, sign * LANE_HALF_WIDTH, sign * (LANE_HALF_WIDTH + 0.1), _WHITE, cover)
            for x in np.arange(start, end + 0.1, 6.0):
                sheet.rect(x, x + 0.1, sign * LANE_HALF_WIDTH, sign * (KERB_Y - 0.1), _WHITE, cover)
        for start, end in ((0, first[0]), (first[1], second[0]), (second[1], PERIOD_M)):
            for offset in (0.25, 0.45):
                sheet.rect(start, end, sign * (KERB_Y - offset), sign * (KERB_Y - offset - 0.08), _YELLOW, cover)
    x = layout.crossing_x
    sheet.rect(x - 0.6, x + 3.6, -0.09, 0.09, _ASPHALT)
    for y in np.arange(-4.8, 4.9, 1.2):
        sheet.rect(x, x + 3.0, y - 0.3, y + 0.3, _WHITE, cover)
    sheet.rect(x - 1.6, x - 1.3, -LANE_HALF_WIDTH, -0.1, _WHITE, cover)
    sheet.rect(x + 4.3, x + 4.6, 0.1, LANE_HALF_WIDTH, _WHITE, cover)


def _pavement(sheet: Sheet, sign: int, rng: np.random.Generator) -> None:
    """Slabs of 0.6 m behind a kerb and a gutter."""
    block = sheet.block(0, PERIOD_M, sign * KERB_Y, sign * FRONT_Y)
    shape, slab = sheet.ids[block].shape, 30
    each = 1 + 0.035 * rng.standard_normal((shape[0] // slab + 1, shape[1] // slab), np.float32)
    shade = each.repeat(slab, 0).repeat(slab, 1)[: shape[0]] + 0.05 * smooth(rng, shape, (60, 200))
    shade += 0.045 * grain(rng, shape)
    shade[::slab] *= 0.8
    shade[:, ::slab] *= 0.8
    sheet.rgb[block] = tinted(shade, (166, 162, 154))
    sheet.rect(0, PERIOD_M, sign * KERB_Y, sign * (KERB_Y + 0.16), (182, 179, 172))
    sheet.shade(0, PERIOD_M, sign * (KERB_Y - 0.14), sign * KERB_Y, 0.62)


def _light(sheet: Sheet, layout: Layout, rng: np.random.Generator) -> F32:
    """1 in the sun; less in the shadow of fronts and trees, worked out at 10 cm and softened."""
    sun = layout.sun_side.value
    shape = (round(sheet.v_size * 10), round(PERIOD_M * 10))
    y = FRONT_Y - np.arange(shape[0], dtype=np.float32)[:, None] / 10
    reach = np.abs(sun * FRONT_Y - y) / _SUN_ACROSS
    heights = np.zeros(shape[1], np.float32)
    for plot in layout.plots[layout.sun_side]:
        heights[round(plot.start * 10) : round(plot.end * 10)] = plot.height
    along = (np.arange(shape[1]) + 10 * reach * _SUN_ALONG).astype(int) % shape[1]
    shadow = (reach * _SUN_UP < heights[along]).astype(np.float32)

    for tree in (thing for thing in layout.things if thing.kind == "tree"):
        for up, dx, dy in rng.normal((4.2 / _SUN_UP, 0, 0), (1.6, 0.9, 0.9), (26, 3)):  # leaves 4.2 m up
            x, down = tree.x + dx - up * _SUN_ALONG, FRONT_Y - tree.y - dy + up * _SUN_ACROSS * sun
            for again in (-PERIOD_M, 0, PERIOD_M):
                cv2.circle(shadow, (round((x + again) * 10), round(down * 10)), 4, 1.0, -1)
    return np.asarray(1.04 - 0.36 * cv2.resize(cv2.GaussianBlur(shadow, (0, 0), 1.6), sheet.shape[::-1]), np.float32)


def front(layout: Layout, side: Side, rng: np.random.Generator) -> Sheet:
    """One side's front plane, 2.5 cm a texel; v is the height."""
    sheet = Sheet(FRONT_TOP, FRONT_TOP, 40)
    for plot in layout.plots[side]:
        if plot.storeys:
            _house(sheet, plot, Surface[f"HOUSE_{side.name}"], rng)
        else:
            _trees(sheet, plot, Surface[f"TREES_{side.name}"], rng)
            if plot.kind == "fence":
                _fence(sheet, plot, Surface[f"FENCE_{side.name}"], rng)
    light = 0.68 if side is layout.sun_side else 1.08  # the sun's side shows its shaded fronts
    sheet.rgb[:] = np.where((sheet.ids > 0)[..., None], np.clip(sheet.rgb * np.float32(light), 0, 255), sheet.rgb)
    return sheet


def _house(sheet: Sheet, plot: Plot, face: Surface, rng: np.random.Generator) -> None:
    start, end, eaves, top = plot.start, plot.end, plot.eaves, plot.height
    tint = _pick(_WALLS[plot.kind], rng)
    block, roof = sheet.block(start, end, 0, top), sheet.block(start, end, eaves, top)
    sheet.ids[block] = face
    sheet.rgb[block] = _masonry(plot.kind, sheet.ids[block].shape, tint, rng)
    slate = 1 + 0.1 * grain(rng, sheet.ids[roof].shape)
    slate[::5] *= 0.8
    sheet.rgb[roof] = tinted(slate, _pick(_ROOFS, rng))
    sheet.rect(start, end, eaves - 0.05, eaves + 0.18, (214, 210, 200))
    sheet.shade(start, end, eaves - 0.4, eaves - 0.05, 0.62)
    pitch = float(rng.choice([1.9, 2.2, 2.6]))
    count = int((plot.width - 0.8) // pitch)
    columns = start + (plot.width - pitch * count + pitch - 1.05) / 2 + pitch * np.arange(count)
    if plot.kind == "brick":
        _window_row(sheet, columns, 0.95, rng)
        _door(sheet, _pick(columns.tolist(), rng), _pick(_SHOPS, rng))
    else:
        _shop(sheet, plot, rng)
    for storey in range(1, plot.storeys):
        _window_row(sheet, columns, 1.2 + 2.9 * storey, rng)
    sheet.shade(start, start + 0.08, 0, top, 0.6)
    sheet.shade(end - 0.25, end, 0, top, 0.86)
    sheet.shade(start, end, 0, 0.3, 0.72)


def _masonry(kind: str, shape: Shape, tint: Color, rng: np.random.Generator) -> U8:
    """(rows, columns, 3) uint8 RGB of a bare wall at 2.5 cm a texel."""
    shade = 1 + 0.05 * smooth(rng, shape, (60, 40)) + 0.03 * grain(rng, shape)
    if kind == "plaster":
        shade -= 0.16 * np.linspace(0, 1, shape[0], dtype=np.float32)[:, None] ** 6
        shade += 0.03 * smooth(rng, shape, (90, 6))
    else:
        each = 1 + 0.11 * rng.standard_normal((shape[0] // 3 + 1, shape[1] // 9 + 2), np.float32)
        bricks = each.repeat(3, 0)[: shape[0]].repeat(9, 1)
        for row in range(3):
            bricks[3 + row :: 6] = np.roll(bricks[3 + row :: 6], 4, 1)
        shade *= bricks[:, : shape[1]]
        shade[::3] *= 1.1
    return tinted(shade, tint)


def _window_row(sheet: Sheet, columns: npt.NDArray[np.floating], low: float, rng: np.random.Generator) -> None:
    """Sash windows of 1.05 x 1.5 m with lintels and sills."""
    high = low + 1.5
    for x0, x1 in zip(columns.tolist(), (columns + 1.05).tolist(), strict=True):
        sheet.rect(x0 - 0.1, x1 + 0.1, high, high + 0.2, _SILL)
        sheet.rect(x0 - 0.12, x1 + 0.12, low - 0.12, low, _SILL)
        sheet.shade(x0 - 0.1, x1 + 0.1, low - 0.24, low - 0.12, 0.7)
        sheet.rect(x0, x1, low, high, _FRAME)
        _pane(sheet, x0 + 0.07, x1 - 0.07, low + 0.07, high - 0.08, rng)
        sheet.rect(x0, x1, low + 0.72, low + 0.78, _FRAME)
        sheet.shade(x0, x1, high - 0.12, high, 0.6)


def _pane(sheet: Sheet, x0: float, x1: float, v0: float, v1: float, rng: np.random.Generator) -> None:
    """Glass: a dark room, the sky's reflection, a curtain now and then."""
    block = sheet.block(x0, x1, v0, v1)
    height, width = sheet.ids[block].shape
    slope = np.linspace(1.35, 0.75, height, dtype=np.float32)[:, None].repeat(width, 1)
    if rng.random() < 0.45:
        slope += 0.7 * (np.linspace(0, 1, width) + np.linspace(0.4, 0, height)[:, None] > rng.uniform(0.5, 1.2))
    pane = np.clip(slope[..., None] * _GLASS * float(rng.uniform(0.6, 1.15)), 0, 255)
    if rng.random() < 0.3:
        pane[:, : width // 4] = pane[:, width - width // 4 :] = (170, 164, 150)
    sheet.rgb[block] = pane


def _door(sheet: Sheet, x: float, color: Color) -> None:
    sheet.rect(x - 0.12, x + 1.1, 0, 2.6, (220, 214, 204))
    sheet.rect(x, x + 0.98, 0, 2.2, color)


def _shop(sheet: Sheet, plot: Plot, rng: np.random.Generator) -> None:
    """Panes of 2.2 m, a door among them, under a board."""
    start, end, color = plot.start, plot.end, _pick(_SHOPS, rng)
    sheet.rect(start + 0.15, end - 0.15, 0, 3.1, darker(color, 0.8))
    sheet.rect(start + 0.1, end - 0.1, 2.55, 3.15, color)
    sheet.shade(start + 0.1, end - 0.1, 2.4, 2.55, 0.5)
    panes = np.arange(start + 0.35, end - 1.0, 2.2)
    for x in panes.tolist():
        _pane(sheet, x, min(x + 2.08, end - 0.35), 0.55, 2.4, rng)
    _door(sheet, _pick(panes.tolist(), rng) + 0.1, darker(color, 0.55))


def _trees(sheet: Sheet, plot: Plot, face: Surface, rng: np.random.Generator) -> None:
    """The trees of a park: leaves from a hedge up to an uneven top."""
    block = sheet.block(plot.start, plot.end, 0, plot.height)
    shape = sheet.ids[block].shape
    leaves = foliage(shape, (72, 84, 48), rng, 4.0) * np.linspace(1.2, 0.5, shape[0])[:, None, None]
    top = 30 + 14 * smooth(rng, (2, shape[1]), (2, 90))[:1] + 4 * smooth(rng, (2, shape[1]), (2, 12))[:1]
    inside = np.arange(shape[0])[:, None] > top
    sheet.rgb[block] = np.where(inside[..., None], leaves.clip(0, 255), sheet.rgb[block])
    sheet.ids[block] = np.where(inside, face, 0)


def _fence(sheet: Sheet, plot: Plot, face: Surface, rng: np.random.Generator) -> None:
    """Planks with gaps between them, and a rail."""
    block = sheet.block(plot.start, plot.end, 0, plot.eaves)
    shape = sheet.ids[block].shape
    planks = (1 + 0.13 * rng.standard_normal((1, shape[1] // 5 + 1), np.float32)).repeat(5, 1)[:, : shape[1]]
    planks = planks + 0.05 * smooth(rng, shape, (40, 2))
    planks[:, ::5] *= 0.55
    sheet.rgb[block] = tinted(planks, (96, 100, 92))
    sheet.shade(plot.start, plot.end, plot.eaves - 0.35, plot.eaves - 0.25, 0.75)
    sheet.ids[block] = face


def foliage(shape: Shape, tint: Color, rng: np.random.Generator, leaf: float = 3.0) -> U8:
    """(rows, columns, 3) uint8 RGB of leaves of a size in texels."""
    shade = 0.9 + 0.24 * smooth(rng, shape, 9 * leaf) + 0.24 * smooth(rng, shape, leaf) + 0.16 * smooth(rng, shape, 1.5)
    return tinted(shade.clip(0.22, 2.0), tint)


def sky(height: int, width: int, horizon_row: float, rng: np.random.Generator) -> U8:
    """(height, width, 3) uint8 RGB: bright haze at the horizon, blue above, thin clouds. It does not move."""
    up = np.clip((horizon_row - np.arange(height, dtype=np.float32)) / max(horizon_row, 1), 0, 1)[:, None, None] ** 0.8
    clear = np.array((142, 182, 226), np.float32) * up + np.array((236, 240, 243), np.float32) * (1 - up)
    shape = (height, width)
    cells = ((height / 7, width / 3), (height / 16, width / 8), (height / 40, width / 24))
    clouds = sum(weight * smooth(rng, shape, cell) for weight, cell in zip((0.5, 0.25, 0.25), cells, strict=True))
    cover = 0.9 * np.clip(clouds, 0, 1)[..., None]
    return np.asarray(clear * (1 - cover) + 250 * cover, np.float32).astype(np.uint8)


def _pick(options: list[_T], rng: np.random.Generator) -> _T:
    return options[int(rng.integers(len(options)))]
