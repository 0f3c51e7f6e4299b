from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

Writer = Callable[..., Path]


@pytest.fixture
def write() -> Writer:
    """write(path, array): an (H, W) or (H, W, 3) RGB array as an image file, folders included."""

    def write_image(path: Path, array: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = array[..., ::-1] if array.ndim == 3 else array
        assert cv2.imwrite(str(path), np.ascontiguousarray(stored))
        return path

    return write_image


@pytest.fixture
def picture() -> np.ndarray:
    """(6, 8, 3) uint8 RGB of random pixels."""
    return np.random.default_rng(7).integers(0, 256, (6, 8, 3)).astype(np.uint8)
