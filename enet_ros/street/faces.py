"""Every pixel belongs to a flat face: the face gives its class and, with the camera, its exact depth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from enet_ros.classes import CAMVID
from enet_ros.street.layout import BACKDROP_X, FACADE_Y, FAR_Y

_index = lru_cache(maxsize=32)(CAMVID.index)


def label_ids(names: Iterable[str]) -> npt.NDArray[np.uint8]:
    """(N,) uint8: the ids of CamVid's classes of these names."""
    return np.array([_index(name) for name in names], np.uint8)


class Face(IntEnum):
    """Faces that every frame has; those of things follow from FIRST_FREE."""

    HOLE = 0
    SKY = 1
    ROAD = 2
    PAVEMENT = 3
    HOUSE_LEFT = 4
    HOUSE_RIGHT = 5
    FENCE_LEFT = 6
    FENCE_RIGHT = 7
    HEDGE_LEFT = 8
    HEDGE_RIGHT = 9
    FAR_TREE_LEFT = 10
    FAR_TREE_RIGHT = 11
    FAR_HOUSE_LEFT = 12
    FAR_HOUSE_RIGHT = 13
    BACKDROP_TREE = 14
    BACKDROP_HOUSE = 15
    FIRST_FREE = 16


class Plane(NamedTuple):
    """normal . point = offset, in the street frame moved along with the base frame (x relative, y absolute), metres.

    nearest, farthest: depth of the face's corners. A pixel's centre may lie half a pixel beside a face that is seen
    edge on, where its plane would already be metres away.
    """

    normal: Sequence[float]
    offset: float
    nearest: float = 0.0
    farthest: float = float("inf")


_GROUND = Plane((0, 0, 1), 0)
_X = (1.0, 0.0, 0.0)
_Y = (0.0, 1.0, 0.0)

STATIC: dict[Face, tuple[str, Plane | None]] = {
    Face.HOLE: ("sky", None),
    Face.SKY: ("sky", None),
    Face.ROAD: ("road", _GROUND),
    Face.PAVEMENT: ("pavement", _GROUND),
    Face.HOUSE_LEFT: ("building", Plane(_Y, FACADE_Y)),
    Face.HOUSE_RIGHT: ("building", Plane(_Y, -FACADE_Y)),
    Face.FENCE_LEFT: ("fence", Plane(_Y, FACADE_Y)),
    Face.FENCE_RIGHT: ("fence", Plane(_Y, -FACADE_Y)),
    Face.HEDGE_LEFT: ("tree", Plane(_Y, FACADE_Y)),
    Face.HEDGE_RIGHT: ("tree", Plane(_Y, -FACADE_Y)),
    Face.FAR_TREE_LEFT: ("tree", Plane(_Y, FAR_Y)),
    Face.FAR_TREE_RIGHT: ("tree", Plane(_Y, -FAR_Y)),
    Face.FAR_HOUSE_LEFT: ("building", Plane(_Y, FAR_Y)),
    Face.FAR_HOUSE_RIGHT: ("building", Plane(_Y, -FAR_Y)),
    Face.BACKDROP_TREE: ("tree", Plane(_X, BACKDROP_X)),
    Face.BACKDROP_HOUSE: ("building", Plane(_X, BACKDROP_X)),
}


_STATIC_LABELS = label_ids(name for name, _ in STATIC.values())
# Zeros and inf for the sky, which no ray meets.
_STATIC_PLANES = np.array(
    [(0, 0, 0, 0, 0, np.inf) if plane is None else (*plane.normal, *plane[1:]) for _, plane in STATIC.values()]
)


class FaceTable:
    """The faces of one frame: class id and plane of each."""

    def __init__(self) -> None:
        """Begin with the static faces."""
        self._labels, self._planes, self._count = [_STATIC_LABELS], [_STATIC_PLANES], len(_STATIC_LABELS)

    def extend(self, labels: npt.NDArray[np.uint8], planes: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        """New faces: their (N,) classes and (N, 6) planes, in Plane's order; returns their ids."""
        self._labels.append(labels)
        self._planes.append(planes)
        first, self._count = self._count, self._count + len(labels)
        return np.arange(first, self._count)

    def labels(self) -> npt.NDArray[np.uint8]:
        """(faces,) uint8: CamVid class of each face."""
        return np.concatenate(self._labels)

    def planes(self) -> npt.NDArray[np.float64]:
        """(faces, 6) float64: normal, offset, nearest, farthest."""
        return np.concatenate(self._planes)
