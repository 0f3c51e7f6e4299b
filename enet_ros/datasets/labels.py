"""From the pixel values of a label file to class ids, refusing values that mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.arrays import U8
from enet_ros.classes import VOID
from enet_ros.errors import DatasetError

_ILLEGAL = 254  # no class has this id: a ClassTable holds at most 254 (0..253)

Color = tuple[int, int, int]


LabelDecoder = Callable[[npt.NDArray[Any], Path], U8]
"""The array of a label file and the file's path -> class ids, (H, W) uint8, void 255.

Raises DatasetError, which names the path and the value, for values that mean nothing."""


class IdLabels:
    """Grey label files: each value stands for a class or for void."""

    def __init__(self, ids: Mapping[int, int]) -> None:
        """`ids` maps a pixel value 0..255 to a class id or to 255; all other values are refused."""
        self._lut = np.full(256, _ILLEGAL, np.uint8)
        for value, class_id in ids.items():
            self._lut[value] = class_id

    def __call__(self, raw: npt.NDArray[Any], path: Path) -> U8:
        """As `LabelDecoder`; raw is (H, W), or (H, W, 3) with three equal channels, of any unsigned type."""
        if raw.ndim == 3:
            if not (np.array_equal(raw[..., 0], raw[..., 1]) and np.array_equal(raw[..., 0], raw[..., 2])):
                raise DatasetError(f"{path} is in colour; this layout needs class ids in one grey channel")
            raw = raw[..., 0]
        if raw.dtype != np.uint8:
            raw = _narrowed(raw, path)
        labels = np.asarray(cv2.LUT(np.ascontiguousarray(raw), self._lut), np.uint8)
        if (illegal := labels == _ILLEGAL).any():
            y, x = np.argwhere(illegal)[0]
            values = sorted(int(v) for v in np.unique(raw[illegal]))
            raise DatasetError(
                f"{path} has label value {int(raw[y, x])} at row {y}, column {x}, which is neither a "
                f"class nor void (values refused: {_few(values)}); check the class table"
            )
        return labels


class ColorLabels:
    """RGB label files: each colour stands for a class or for void."""

    def __init__(self, colors: Mapping[Color, int]) -> None:
        """`colors` maps (r, g, b) to a class id or to 255; all other colours are refused."""
        self._colors = dict(colors)
        self._table: U8 | None = None

    def __call__(self, raw: npt.NDArray[Any], path: Path) -> U8:
        """As `LabelDecoder`; raw is (H, W, 3) uint8 RGB."""
        if raw.ndim != 3 or raw.dtype != np.uint8:
            raise DatasetError(f"{path} is not an 8-bit colour image; this layout has one colour for each class")
        if self._table is None:  # 16 MiB: made only when a colour file is read
            self._table = np.full(1 << 24, _ILLEGAL, np.uint8)
            for (r, g, b), class_id in self._colors.items():
                self._table[r << 16 | g << 8 | b] = class_id
        packed = raw[..., 0].astype(np.uint32) << 16
        packed |= raw[..., 1].astype(np.uint32) << 8
        packed |= raw[..., 2]
        labels: U8 = self._table[packed]
        if (illegal := labels == _ILLEGAL).any():
            y, x = np.argwhere(illegal)[0]
            raise DatasetError(
                f"{path} has colour {tuple(int(v) for v in raw[y, x])} at row {y}, column {x}, which is "
                f"neither a class nor void ({int(illegal.sum())} pixels refused); was it scaled with "
                f"interpolation, or saved as JPEG?"
            )
        return labels


def ids_of(num_classes: int, void: tuple[int, ...] = (VOID,), first: int = 0) -> dict[int, int]:
    """Values first..first+num_classes-1 stand for the classes in order, those of `void` for void."""
    ids = {first + index: index for index in range(num_classes)}
    return {**ids, **dict.fromkeys(void, VOID)}


def _narrowed(raw: npt.NDArray[Any], path: Path) -> U8:
    """16-bit labels as 8-bit, 65535 as 255."""
    top = np.iinfo(raw.dtype).max if np.issubdtype(raw.dtype, np.integer) else None
    if top is None or raw.min() < 0 or bool(((raw > VOID) & (raw != top)).any()):
        values = sorted({float(v) for v in np.unique(raw) if not 0 <= v <= VOID})
        raise DatasetError(f"{path} has label values {_few(values)} outside 0..255; save ids as 8-bit PNG")
    narrow: U8 = np.minimum(raw, VOID).astype(np.uint8)
    return narrow


def _few(values: list[Any]) -> str:
    shown = ", ".join(f"{v:g}" for v in values[:8])
    return shown + (", ..." if len(values) > 8 else "")
