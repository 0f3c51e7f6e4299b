"""Where the sprites of a frame lie in the image: worked out for all at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.street.atlas import HAZE, haze_share
from enet_ros.street.faces import FaceTable, label_ids
from enet_ros.street.sprites import Sprite
from enet_ros.street.view import NEAR_M, View

_Array = npt.NDArray[np.float64]
_UINT8 = npt.NDArray[np.uint8]
Region = tuple[slice, slice]

_HAZE_STEPS = 40
_LOOSE = 0.025
"""By how much of its width a sprite's upper corners may be amiss, for the sake of a faster transform."""


class Upright(NamedTuple):
    """A sprite with the middle of its foot at (x, y). in_gap: seen only where one looks past the fronts."""

    sprite: Sprite
    x: float
    y: float
    label: str
    in_gap: bool = False


class Board(NamedTuple):
    """A sprite in the image: the region it may cover, and what draws it.

    affine: (2, 3) from shares of the picture's width and height to the image's pixels, None where only a homography
    will do.
    """

    region: Region
    depth_m: float
    corner: _Array
    affine: list[list[float]] | None
    face: int


def boards(view: View, things: Sequence[Upright], table: FaceTable) -> list[Board | None]:
    """Each sprite in the image, None for one out of it; a face is added for each."""
    if not things:
        return []
    size = np.array([(t.sprite.width_m, t.sprite.height_m, t.sprite.base_m) for t in things])
    place = np.array([(t.x, t.y) for t in things])
    corners = np.empty((len(things), 4, 3))  # upper left, upper right, lower right, lower left
    corners[..., 0] = place[:, :1]
    corners[..., 1] = place[:, 1:] + size[:, :1] * (0.5, -0.5, -0.5, 0.5)
    corners[..., 2] = size[:, 2:] + size[:, 1:2] * (1, 1, 0, 0)
    points = view.project(corners.reshape(-1, 3)).reshape(-1, 4, 3)
    depth = points[..., 2].min(1)
    pixels = points[..., :2] / np.maximum(points[..., 2:], NEAR_M)
    affine, error = _affine(pixels)
    low = np.maximum(pixels.min(1), 0).astype(int)
    high = np.minimum(pixels.max(1) + 2, (view.intrinsics.width, view.intrinsics.height)).astype(int)
    shown = (depth >= 2 * NEAR_M) & (low < high).all(1)
    loose = _LOOSE * np.abs(pixels[:, 1, 0] - pixels[:, 0, 0])
    straight = (error <= np.maximum(loose, 0.4)).tolist()
    planes = np.zeros((len(things), 6))
    planes[:, 0], planes[:, 3], planes[:, 5] = 1, place[:, 0], np.inf
    faces = table.extend(label_ids(t.label for t in things), planes).tolist()
    depths, affines = depth.tolist(), affine.tolist()
    return [
        Board(
            (slice(up, down), slice(left, right)),
            depths[number],
            corners[number, 0],
            affines[number] if straight[number] else None,
            faces[number],
        )
        if seen
        else None
        for number, (seen, (left, up), (right, down)) in enumerate(
            zip(shown.tolist(), low.tolist(), high.tolist(), strict=True)
        )
    ]


def _affine(pixels: _Array) -> tuple[_Array, _Array]:
    """((N, 2, 3), (N,)): from shares of width and height to pixels, exact at the foot and at the middle of the top.

    And by how many pixels it misses the upper corners.
    """
    foot = pixels[:, 2] - pixels[:, 3]
    top = 0.5 * (pixels[:, 0] + pixels[:, 1])
    down = 0.5 * (pixels[:, 2] + pixels[:, 3]) - top
    corner = top - 0.5 * foot
    error = np.abs(corner - pixels[:, 0]).max(1)
    return np.stack([foot, down, corner], 2), error


def picture(view: View, sprite: Sprite, depth_m: float) -> tuple[float, _UINT8]:
    """(texels a metre, RGBA): the coarsest copy that still has about a texel a pixel, seen through the haze."""
    wanted, index = 0.8 * view.focal_px / depth_m, 0
    while index + 1 < len(sprite.copies) and sprite.copies[index + 1][0] >= wanted:
        index += 1
    return sprite.copies[index][0], _hazed(sprite, index, round(haze_share(depth_m) * _HAZE_STEPS))


@lru_cache(maxsize=512)
def _hazed(sprite: Sprite, index: int, step: int) -> _UINT8:
    """A copy as it looks through `step` parts of haze; its transparency stays."""
    values, share = np.arange(256), step / _HAZE_STEPS
    table = np.stack([*(values * (1 - share) + haze * share for haze in HAZE.tolist()), values], 1)
    return np.asarray(cv2.LUT(sprite.copies[index][1], np.rint(table).astype(np.uint8)[None]), np.uint8)


def warp(view: View, board: Board, sprite: Sprite) -> _UINT8:
    """(rows, columns, 4) uint8 RGBA: the sprite over its board's region."""
    per_m, rgba = picture(view, sprite, board.depth_m)
    (rows, columns) = board.region
    size = (columns.stop - columns.start, rows.stop - rows.start)
    if board.affine is None:
        homography = view.upright(board.corner, per_m, columns.start, rows.start)
        return np.asarray(cv2.warpPerspective(rgba, homography, size, flags=cv2.INTER_LINEAR), np.uint8)
    (across_x, down_x, left), (across_y, down_y, top) = board.affine
    across_x, across_y = across_x / rgba.shape[1], across_y / rgba.shape[1]
    down_x, down_y = down_x / rgba.shape[0], down_y / rgba.shape[0]
    left += 0.5 * (across_x + down_x) - columns.start  # the first texel's centre
    top += 0.5 * (across_y + down_y) - rows.start
    matrix = np.array(((across_x, down_x, left), (across_y, down_y, top)))
    return np.asarray(cv2.warpAffine(rgba, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)
