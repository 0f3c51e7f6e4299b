"""Random fields that repeat along x without a seam."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]

_TILE = 512
_KEPT = 0.86
"""Share of the deviation that is left when white noise is enlarged by cubic interpolation."""


def smooth(rng: np.random.Generator, shape: tuple[int, int], cell: float | tuple[float, float]) -> Field:
    """(rows, columns) float32 of mean 0 and deviation about 1 that varies over `cell` texels (rows, columns)."""
    cells = (cell, cell) if isinstance(cell, (int, float)) else cell
    rows, columns = (max(2, round(size / step)) for size, step in zip(shape, cells, strict=True))
    small = rng.standard_normal((rows, columns), np.float32)
    small = (small - small.mean()) / (_KEPT * small.std() + 1e-6)
    margin = 2
    wrapped = np.concatenate([small[:, -margin:], small, small[:, :margin]], 1, dtype=np.float32)
    per_cell = shape[1] / columns
    big = cv2.resize(wrapped, (round(per_cell * (columns + 2 * margin)), shape[0]), interpolation=cv2.INTER_CUBIC)
    start = round(per_cell * margin)
    return np.ascontiguousarray(big[:, start : start + shape[1]], np.float32)


def grain(rng: np.random.Generator, shape: tuple[int, int]) -> Field:
    """(rows, columns) float32 white noise of mean 0 and deviation 1, from a tile large enough not to be seen."""
    rows, columns = (min(size, _TILE) for size in shape)
    tile = rng.standard_normal((rows, columns), np.float32)
    return np.tile(tile, (-(-shape[0] // rows), -(-shape[1] // columns)))[: shape[0], : shape[1]]


def tinted(shade: Field, tint: tuple[int, int, int]) -> Picture:
    """(rows, columns, 3) uint8 RGB: the tint times a field around 1."""
    return np.clip(shade[..., None] * np.array(tint, np.float32), 0, 255).astype(np.uint8)
