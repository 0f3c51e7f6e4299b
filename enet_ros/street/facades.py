"""The fronts along the street: houses with windows, shops and roofs, and fences, walls and hedges before the gaps."""

from __future__ import annotations

import cv2
import numpy as np

from enet_ros.street.atlas import HAZE, Texture
from enet_ros.street.faces import Face
from enet_ros.street.layout import FACADE_TOP, FACADE_Y, TINTS, Layout, Plot, Side
from enet_ros.street.noise import Field, grain, smooth, tinted
from enet_ros.street.sheet import Sheet

SHOPS = ((36, 58, 96), (124, 30, 34), (28, 74, 54), (40, 40, 44), (196, 150, 60), (70, 44, 90))
GLASS = np.array((58, 68, 80), np.float32)


def facades(layout: Layout, side: Side, rng: np.random.Generator) -> Texture:
    """One side's front plane, 2.5 cm a texel; v is the height."""
    sheet = Sheet(FACADE_TOP, FACADE_TOP, 40)
    sheet.rgb[:] = (HAZE * 0.98).astype(np.uint8)  # what shines through the edge of a roof
    left = side is Side.LEFT
    for plot in layout.plots[side]:
        if plot.kind in TINTS:
            _house(sheet, plot, rng)
            face = Face.HOUSE_LEFT if left else Face.HOUSE_RIGHT
            sheet.ids[sheet.block(plot.start, plot.start + plot.width, 0, plot.height)] = face
            _chimneys(sheet, plot, face, rng)
        elif plot.kind == "hedge":
            _hedge(sheet, plot, Face.HEDGE_LEFT if left else Face.HEDGE_RIGHT, rng)
        else:
            _fence(sheet, plot, Face.FENCE_LEFT if left else Face.FENCE_RIGHT, rng)
    light = 0.68 if side is layout.sun_side else 1.08  # the sun's side shows its shaded fronts
    sheet.rgb[:] = np.where((sheet.ids > 0)[..., None], np.clip(sheet.rgb * np.float32(light), 0, 255), sheet.rgb)
    return sheet.texture(FACADE_Y)


def masonry(kind: str, shape: tuple[int, int], tint: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """(rows, columns, 3) uint8 RGB of a bare wall at 2.5 cm a texel."""
    shade = 1 + 0.05 * smooth(rng, shape, (60, 40)) + 0.03 * grain(rng, shape)
    if kind == "brick":
        courses, length = shape[0] // 3 + 1, shape[1] // 9 + 2
        each = 1 + 0.11 * rng.standard_normal((courses, length), np.float32)
        bricks = each.repeat(3, 0)[: shape[0]].repeat(9, 1)
        bricks[3::6] = np.roll(bricks[3::6], 4, 1)
        bricks[4::6] = np.roll(bricks[4::6], 4, 1)
        bricks[5::6] = np.roll(bricks[5::6], 4, 1)
        shade = shade * bricks[:, : shape[1]]
        shade[::3] *= 1.1
    elif kind == "plaster":
        stain = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None] ** 6
        shade = shade - 0.16 * stain + 0.03 * smooth(rng, shape, (90, 6))
    else:
        shade[:: max(1, 58)] *= 0.8
        shade[:, ::96] *= 0.82
    return tinted(shade.astype(np.float32), tint)


def _house(sheet: Sheet, plot: Plot, rng: np.random.Generator) -> None:
    start, end = plot.start, plot.start + plot.width
    block = sheet.block(start, end, 0, plot.height)
    shape = (block[0].stop - block[0].start, block[1].stop - block[1].start)
    sheet.rgb[block] = masonry(plot.kind, shape, plot.tint, rng)
    eaves = plot.height - plot.roof
    if plot.kind == "concrete":
        sheet.shade(start, end, eaves, plot.height, 0.8)
    else:
        _roof(sheet, plot, eaves, rng)
    _ground_floor(sheet, plot, rng)
    _windows(sheet, plot, eaves, rng)
    sheet.shade(start, start + 0.08, 0, plot.height, 0.6)
    sheet.shade(end - 0.25, end, 0, plot.height, 0.86)
    sheet.shade(start, end, 0, 0.3, 0.72)


def _roof(sheet: Sheet, plot: Plot, eaves: float, rng: np.random.Generator) -> None:
    start, end = plot.start, plot.start + plot.width
    block = sheet.block(start, end, eaves, plot.height)
    shape = (block[0].stop - block[0].start, block[1].stop - block[1].start)
    slate = 1 + 0.1 * grain(rng, shape) + 0.1 * smooth(rng, shape, (8, 30))
    slate[::5] *= 0.8
    tint = ((92, 88, 92), (120, 84, 70), (84, 80, 78))[int(rng.integers(3))]
    sheet.rgb[block] = tinted(slate.astype(np.float32), tint)
    sheet.rect(start, end, eaves - 0.05, eaves + 0.18, (214, 210, 200))
    sheet.shade(start, end, eaves - 0.4, eaves - 0.05, 0.62)
    if plot.width > 9 and plot.roof > 1.7:
        for x in np.linspace(start, end, 4)[1:3]:
            sheet.rect(x - 0.7, x + 0.7, eaves + 0.3, plot.height - 0.15, (206, 202, 192))
            _pane(sheet, x - 0.5, x + 0.5, eaves + 0.4, plot.height - 0.35, rng)


def _chimneys(sheet: Sheet, plot: Plot, face: Face, rng: np.random.Generator) -> None:
    if plot.kind == "concrete":
        return
    for x in (plot.start + 0.6, plot.start + plot.width - 1.4):
        if rng.random() < 0.7:
            top = min(plot.height + float(rng.uniform(0.6, 1.1)), FACADE_TOP)
            sheet.rect(x, x + 0.8, plot.height - 0.4, top, (128, 88, 70))
            sheet.rect(x, x + 0.8, top - 0.12, top, (90, 70, 62))
            sheet.ids[sheet.block(x, x + 0.8, plot.height - 0.4, top)] = face


def _ground_floor(sheet: Sheet, plot: Plot, rng: np.random.Generator) -> None:
    start, end = plot.start, plot.start + plot.width
    if plot.kind == "plaster" or (plot.kind == "concrete" and rng.random() < 0.6):
        color = SHOPS[int(rng.integers(len(SHOPS)))]
        sheet.rect(start + 0.15, end - 0.15, 0, 3.1, tuple(c * 0.8 for c in color))  # type: ignore[arg-type]
        sheet.rect(start + 0.1, end - 0.1, 2.55, 3.15, color)
        _lettering(sheet, start + 0.25 * plot.width, end - 0.25 * plot.width, 2.68, 3.02, rng)
        sheet.shade(start + 0.1, end - 0.1, 2.4, 2.55, 0.5)
        door = float(rng.uniform(start + 1, end - 2))
        x = start + 0.35
        while x < end - 1.0:
            width = min(2.2, end - 0.35 - x)
            if not x - 1.1 < door < x + width:
                _pane(sheet, x, x + width - 0.12, 0.55, 2.4, rng, dark=0.75)
            x += width
        sheet.rect(door, door + 0.95, 0, 2.3, tuple(c * 0.55 for c in color))  # type: ignore[arg-type]
        _pane(sheet, door + 0.14, door + 0.8, 0.7, 2.15, rng, dark=0.8)
    else:
        sheet.rect(start, end, 2.95, 3.1, tuple(min(c * 1.15, 255) for c in plot.tint))  # type: ignore[arg-type]
        door = float(rng.uniform(start + 0.8, end - 2.0))
        x = start + 0.9
        while x < end - 1.6:
            if not door - 1.5 < x < door + 1.3:
                _window(sheet, x, x + 1.15, 0.95, 2.45, rng)
            x += 2.3
        color = SHOPS[int(rng.integers(len(SHOPS)))]
        sheet.rect(door - 0.12, door + 1.1, 0, 2.6, (220, 214, 204))
        sheet.rect(door, door + 0.98, 0, 2.2, color)
        sheet.rect(door + 0.3, door + 0.68, 1.3, 2.0, (70, 76, 84))


def _lettering(sheet: Sheet, x0: float, x1: float, v0: float, v1: float, rng: np.random.Generator) -> None:
    x = x0
    while x < x1:
        width = float(rng.uniform(0.1, 0.24))
        sheet.rect(x, x + width, v0 + float(rng.choice([0, 0, 0.1])), v1, (236, 230, 214))
        x += width + 0.08 + (0.3 if rng.random() < 0.15 else 0)


def _windows(sheet: Sheet, plot: Plot, eaves: float, rng: np.random.Generator) -> None:
    start, end = plot.start, plot.start + plot.width
    if plot.kind == "concrete":
        for storey in range(1, plot.storeys):
            low = 3.4 + 2.9 * (storey - 1) + 0.9
            x = start + 0.3
            while x < end - 1.0:
                _pane(sheet, x, x + 1.35, low, min(low + 1.6, eaves - 0.2), rng)
                x += 1.5
        return
    pitch = float(rng.choice([1.9, 2.2, 2.6]))
    count = int((plot.width - 0.8) // pitch)
    first = start + (plot.width - pitch * count) / 2 + (pitch - 1.05) / 2
    for storey in range(1, plot.storeys):
        low = 3.4 + 2.9 * (storey - 1) + 0.75
        for column in range(count):
            x = first + pitch * column
            _window(sheet, x, x + 1.05, low, min(low + 1.6, eaves - 0.45), rng)


def _window(sheet: Sheet, x0: float, x1: float, v0: float, v1: float, rng: np.random.Generator) -> None:
    """A sash window in its reveal, with lintel and sill."""
    sheet.rect(x0 - 0.1, x1 + 0.1, v1, v1 + 0.22, (198, 190, 174))
    sheet.rect(x0 - 0.12, x1 + 0.12, v0 - 0.12, v0, (206, 200, 186))
    sheet.shade(x0 - 0.1, x1 + 0.1, v0 - 0.24, v0 - 0.12, 0.7)
    sheet.rect(x0, x1, v0, v1, (228, 226, 218))
    _pane(sheet, x0 + 0.07, x1 - 0.07, v0 + 0.07, v1 - 0.08, rng)
    middle = (v0 + v1) / 2
    sheet.rect(x0, x1, middle - 0.03, middle + 0.03, (222, 220, 212))
    sheet.rect((x0 + x1) / 2 - 0.02, (x0 + x1) / 2 + 0.02, v0, v1, (222, 220, 212))
    sheet.shade(x0, x1, v1 - 0.12, v1, 0.6)


def _pane(
    sheet: Sheet, x0: float, x1: float, v0: float, v1: float, rng: np.random.Generator, dark: float = 1.0
) -> None:
    """Glass: the dark room, a curtain now and then, the sky's reflection."""
    rows, columns = block = sheet.block(x0, x1, v0, v1)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if height < 2 or width < 2:
        return
    slope = np.linspace(1.35, 0.75, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    if rng.random() < 0.45:
        slope += 0.7 * (np.linspace(0, 1, width) + np.linspace(0.4, 0, height)[:, None] > rng.uniform(0.5, 1.2))
    color = GLASS * float(rng.uniform(0.6, 1.15)) * dark
    pane = np.clip(slope[..., None] * color, 0, 255)
    if rng.random() < 0.3:
        edge = max(1, width // 4)
        pane[:, :edge] = pane[:, -edge:] = (170, 164, 150)
    sheet.rgb[block] = pane


def _fence(sheet: Sheet, plot: Plot, face: Face, rng: np.random.Generator) -> None:
    start, end = plot.start, plot.start + plot.width
    block = sheet.block(start, end, 0, plot.height)
    shape = (block[0].stop - block[0].start, block[1].stop - block[1].start)
    if plot.kind == "wall":
        sheet.rgb[block] = masonry("brick", shape, (146, 104, 84), rng)
        sheet.rect(start, end, plot.height - 0.1, plot.height, (176, 170, 160))
    else:
        planks = (1 + 0.13 * rng.standard_normal((1, shape[1] // 5 + 1), np.float32)).repeat(5, 1)[:, : shape[1]]
        planks = planks + 0.05 * smooth(rng, shape, (40, 2)) + np.zeros(shape, np.float32)
        planks[:, ::5] *= 0.55
        sheet.rgb[block] = tinted(planks.astype(np.float32), ((118, 92, 66), (96, 100, 92))[int(rng.integers(2))])
        sheet.shade(start, end, plot.height - 0.35, plot.height - 0.25, 0.75)
        for x in np.arange(start, end, 1.8):
            sheet.shade(float(x), float(x) + 0.1, 0, plot.height, 1.25)
    sheet.ids[block] = face


def foliage(
    shape: tuple[int, int], tint: tuple[int, int, int], rng: np.random.Generator, leaf: float = 3.0
) -> np.ndarray:
    """(rows, columns, 3) uint8 RGB of leaves, lit from above."""
    clumps: Field = smooth(rng, shape, 9 * leaf)
    shade = 0.9 + 0.24 * clumps + 0.24 * smooth(rng, shape, leaf) + 0.16 * smooth(rng, shape, 1.5)
    leaves = tinted(np.clip(shade, 0.22, 2.0).astype(np.float32), tint)
    return leaves


def _hedge(sheet: Sheet, plot: Plot, face: Face, rng: np.random.Generator) -> None:
    start, end = plot.start, plot.start + plot.width
    block = sheet.block(start, end, 0, plot.height + 0.3)
    shape = (block[0].stop - block[0].start, block[1].stop - block[1].start)
    edge = 0.15 + 0.08 * smooth(rng, (1, shape[1]), (1, 10))[0]
    inside = np.arange(shape[0])[:, None] > np.clip(edge, 0, 0.3) * sheet.per_m
    leaves = foliage(shape, (72, 86, 48), rng)
    leaves = (leaves * np.linspace(1.2, 0.6, shape[0], dtype=np.float32)[:, None, None]).clip(0, 255).astype(np.uint8)
    sheet.rgb[block] = np.where(inside[..., None], leaves, sheet.rgb[block])
    sheet.ids[block] = np.where(inside, face, sheet.ids[block])
    cv2.blur(sheet.rgb[block], (1, 1))
