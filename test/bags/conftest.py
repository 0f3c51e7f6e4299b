from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from enet_ros.arrays import U8
from enet_ros.bags.create import BagLayout, create
from enet_ros.camera import CameraIntrinsics
from enet_ros.classes import CAMVID
from enet_ros.frames import Frame, Source

HEIGHT, WIDTH = 24, 32
PERIOD_NS = 100_000_000


def frame(index: int, height: int = HEIGHT, width: int = WIDTH) -> Frame:
    """A frame of noise with its own truth; the same for the same index."""
    rng = np.random.default_rng(index)
    rgb: U8 = rng.integers(0, 256, (height, width, 3), np.uint8)
    truth: U8 = rng.integers(0, CAMVID.num_classes, (height, width), np.uint8)
    truth[0] = 255
    return Frame(f"{index:06d}", (index + 1) * PERIOD_NS, rgb, truth)


def source(frames: int, height: int = HEIGHT, width: int = WIDTH) -> Source:
    camera = CameraIntrinsics.from_fov(width, height, 1.0)
    loads = lambda: iter([lambda i=i: frame(i, height, width) for i in range(frames)])  # noqa: E731
    return Source("noise", "noise", frames, 10.0, loads, CAMVID, camera)


@pytest.fixture
def make_bag(tmp_path: Path) -> Callable[..., Path]:
    """make_bag("name", frames=5, storage="mcap", compression="none") -> folder of a bag with images, info and truth."""

    def make(
        name: str = "bag", frames: int = 5, storage: str = "mcap", compression: str = "none", size: int = HEIGHT
    ) -> Path:
        out = tmp_path / name
        create(out, source(frames, size, size * 4 // 3), BagLayout(compression=compression), storage=storage)
        return out

    return make
