"""What closes the view: trees and houses behind the gaps, the end of the street, and the sky."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.street.atlas import HAZE, Texture, hazed
from enet_ros.street.facades import foliage, masonry
from enet_ros.street.faces import Face
from enet_ros.street.layout import BACKDROP_TOP, BACKDROP_X, FAR_TOP, FAR_Y, PERIOD_M, Side
from enet_ros.street.noise import smooth
from enet_ros.street.sheet import Sheet

BACKDROP_HALF_WIDTH = 320.0
"""Metres to either side of the middle; beyond, the last column goes on."""
_BACKDROP_PER_M = 3.0


def behind_gaps(side: Side, rng: np.random.Generator) -> Texture:
    """The plane at FAR_Y: a row of trees with houses among them, 10 cm a texel; v is the height."""
    sheet = Sheet(FAR_TOP, FAR_TOP, 10)
    sheet.rgb[:] = (HAZE * 0.98).astype(np.uint8)
    height = np.arange(sheet.shape[0], 0, -1, dtype=np.float32)[:, None] / sheet.per_m
    for x in np.arange(4, PERIOD_M - 12, 17.0):
        if rng.random() < 0.6:
            x0, top = float(x + rng.uniform(0, 5)), float(rng.uniform(6, 9))
            block = sheet.block(x0, x0 + 9, 0, top)
            shape = (block[0].stop - block[0].start, block[1].stop - block[1].start)
            sheet.rgb[block] = masonry("plaster", shape, (172, 150, 126), rng)
            sheet.rect(x0, x0 + 9, top - 1.6, top, (96, 88, 88))
            for column in range(4):
                for low in (1.0, 3.8):
                    sheet.rect(x0 + 0.8 + 2.1 * column, x0 + 1.8 + 2.1 * column, low, low + 1.4, (66, 74, 84))
            sheet.ids[block] = Face.FAR_HOUSE_LEFT if side is Side.LEFT else Face.FAR_HOUSE_RIGHT
    skyline = (
        5.6 + 1.6 * smooth(rng, (2, sheet.shape[1]), (2, 60))[:1] + 0.5 * smooth(rng, (2, sheet.shape[1]), (2, 6))[:1]
    )
    trees = (height < np.clip(skyline, 2.5, 10.5)) & (smooth(rng, sheet.shape, (40, 70)) + (3.2 - height) / 2.2 > -0.5)
    leaves = foliage(sheet.shape, (78, 88, 54), rng)
    leaves = (leaves * (0.55 + 0.6 * np.clip(height / np.maximum(skyline, 1), 0, 1))[..., None]).clip(0, 255)
    sheet.rgb[trees] = leaves[trees].astype(np.uint8)
    sheet.ids[trees] = Face.FAR_TREE_LEFT if side is Side.LEFT else Face.FAR_TREE_RIGHT
    return sheet.texture(FAR_Y)


def backdrop(rng: np.random.Generator) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], float]:
    """The end of the street: RGB, face ids, texels a metre. Rows from BACKDROP_TOP down, columns from left to right."""
    shape = (round(BACKDROP_TOP * _BACKDROP_PER_M), round(2 * BACKDROP_HALF_WIDTH * _BACKDROP_PER_M))
    height = np.arange(shape[0], 0, -1, dtype=np.float32)[:, None] / _BACKDROP_PER_M
    rgb = np.broadcast_to((HAZE * 0.99).astype(np.uint8), (*shape, 3)).copy()
    ids = np.zeros(shape, np.uint8)
    skyline = 9 + 2.5 * smooth(rng, (2, shape[1]), (2, 90))[:1] + 1.2 * smooth(rng, (2, shape[1]), (2, 9))[:1]
    trees = height < skyline
    rgb[trees] = foliage(shape, (70, 80, 52), rng)[trees]
    ids[trees] = Face.BACKDROP_TREE
    for _ in range(34):
        x, width, top = int(rng.integers(shape[1])), int(rng.uniform(18, 60)), float(rng.uniform(9, 24))
        block = (slice(round((BACKDROP_TOP - top) * _BACKDROP_PER_M), shape[0]), slice(x, x + width))
        rgb[block] = np.array((168, 150, 132), np.float32) * float(rng.uniform(0.7, 1.15))
        rgb[block[0].start + 6 :: 7, block[1]] = (96, 92, 92)
        ids[block] = Face.BACKDROP_HOUSE
    return hazed(rgb, 0.7 * BACKDROP_X), ids, _BACKDROP_PER_M


def sky(height: int, width: int, horizon_row: float, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(height, width, 3) uint8 RGB: bright haze at the horizon, blue above, thin clouds. It does not move."""
    up = np.clip((horizon_row - np.arange(height, dtype=np.float32)) / max(horizon_row, 1), 0, 1)[:, None]
    blue = np.array((142, 182, 226), np.float32) * up[..., None] ** 0.8 + np.array((236, 240, 243), np.float32) * (
        1 - up[..., None] ** 0.8
    )
    clouds = smooth(rng, (height, width), (height / 7, width / 3)) + 0.5 * smooth(
        rng, (height, width), (height / 16, width / 8)
    )
    clouds = (
        np.clip(0.5 * clouds + 0.25 * smooth(rng, (height, width), (height / 40, width / 24)), 0, 1)[..., None] * 0.9
    )
    mixed = blue * (1 - clouds) + np.array((250, 250, 250), np.float32) * clouds
    return np.asarray(cv2.GaussianBlur(np.clip(mixed, 0, 255).astype(np.uint8), (0, 0), 1.5), np.uint8)
