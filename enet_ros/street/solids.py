"""Where the polygons of all models of a frame lie in the image: worked out for all at once, painted one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from enet_ros.street.atlas import HAZE, haze_share
from enet_ros.street.cars import Mesh
from enet_ros.street.faces import FaceTable, label_ids
from enet_ros.street.view import NEAR_M, View, clip_near

_Array = npt.NDArray[np.float64]
_Corners = npt.NDArray[np.int32]

SHIFT = 4
"""Fractional bits of pixel corners."""
_DETAIL_PX = 15.0
"""A model lower than this in the image is drawn without its details."""
_THIN = 20
"""A detail narrower or lower than this, in 1/16 pixel, is not drawn."""


class Standing(NamedTuple):
    """A model whose origin stands at (x, y) on the ground; heading 1 faces along x, -1 against it."""

    mesh: Mesh
    x: float
    y: float
    heading: int = 1


class Patch(NamedTuple):
    """A convex polygon of the image. corners: (N, 2) int32, SHIFT fractional bits; face: its id, 0 for a detail."""

    corners: _Corners
    color: tuple[float, float, float]
    face: int


class _Polygons(NamedTuple):
    """All polygons of all models, one after another."""

    points: _Array
    on_ground: npt.NDArray[np.bool_]
    starts: npt.NDArray[np.intp]
    is_face: npt.NDArray[np.bool_]
    normals: _Array
    offsets: _Array
    colors: _Array
    labels: npt.NDArray[np.uint8]
    owner: npt.NDArray[np.intp]


class Solids:
    """Works out models; remembers which of their polygons are seen from where."""

    def __init__(self, view: View) -> None:
        """For a camera."""
        self._view = view
        self._parts: dict[tuple[int, bytes], tuple[Mesh, Mesh, Mesh]] = {}

    def patches(self, models: Sequence[Standing], table: FaceTable) -> list[list[Patch]]:
        """What each model shows, in the order of its painting; its faces are added to the table."""
        result: list[list[Patch]] = [[] for _ in models]
        seen = [self._seen(model) for model in models]
        towards = [number for number, mesh in enumerate(seen) if mesh is not None]
        if not towards:
            return result
        polygons = _gather([models[number] for number in towards], [mesh for mesh in seen if mesh is not None])
        points = self._view.project(polygons.points)
        nearest = np.minimum.reduceat(points[:, 2], polygons.starts)
        farthest = np.maximum.reduceat(points[:, 2], polygons.starts)
        corners = _fixed(points, polygons.on_ground)
        cut = nearest < NEAR_M
        shown = (farthest >= NEAR_M) & (cut | _worth_it(self._view, corners, polygons))
        faces = np.flatnonzero(shown & polygons.is_face)
        ids = np.zeros(len(shown), np.intp)
        limits = np.stack([polygons.offsets, np.maximum(nearest, NEAR_M), farthest], 1)
        planes = np.hstack([polygons.normals, limits])
        ids[faces] = table.extend(polygons.labels[faces], planes[faces])
        ends = np.append(polygons.starts[1:], len(points))
        columns = (polygons.starts, ends, polygons.owner, polygons.colors, ids, cut)
        for start, end, owner, color, face, behind in zip(*(each[shown].tolist() for each in columns), strict=True):
            polygon = _cut(points[start:end]) if behind else corners[start:end]
            if len(polygon) >= 3:
                result[towards[owner]].append(Patch(polygon, color, face))
        return result

    def _seen(self, model: Standing) -> Mesh | None:
        """The polygons that face the camera, without details if they are small; None if there are none."""
        mesh, eye = model.mesh, self._view.eye
        ahead = float(eye[0]) - model.x
        local = np.array((ahead * model.heading, (float(eye[1]) - model.y) * model.heading, eye[2]))
        facing = mesh.normals @ local > mesh.offsets
        key = (id(mesh), facing.tobytes())
        if key not in self._parts:
            # The mesh itself is kept as well, so that no other can take its id.
            self._parts[key] = (mesh, mesh.part(facing), mesh.part(facing & mesh.is_face))
        _, whole, plain = self._parts[key]
        part = whole if self._view.focal_px * mesh.height_m > _DETAIL_PX * max(-ahead, NEAR_M) else plain
        return part if len(part.offsets) else None


def _gather(models: Sequence[Standing], meshes: Sequence[Mesh]) -> _Polygons:
    sizes = [len(mesh.points) for mesh in meshes]
    counts = [len(mesh.offsets) for mesh in meshes]
    owner = np.arange(len(models)).repeat(counts)
    place = np.array([(model.x, model.y, 0.0) for model in models])
    turn = np.array([(model.heading, model.heading, 1.0) for model in models])
    points = np.concatenate([mesh.points for mesh in meshes]) * turn.repeat(sizes, 0) + place.repeat(sizes, 0)
    normals = np.concatenate([mesh.normals for mesh in meshes]) * turn[owner]
    share = np.array([haze_share(max(model.x, NEAR_M)) for model in models])[owner, None]
    return _Polygons(
        points,
        np.concatenate([mesh.on_ground for mesh in meshes]),
        np.concatenate([mesh.starts for mesh in meshes]) + np.cumsum([0, *sizes[:-1]]).repeat(counts),
        np.concatenate([mesh.is_face for mesh in meshes]),
        normals,
        np.concatenate([mesh.offsets for mesh in meshes]) + (normals * place[owner]).sum(1),
        np.concatenate([mesh.colors for mesh in meshes]) * (1 - share) + HAZE * share,
        label_ids(mesh.label for mesh in meshes)[owner],
        owner,
    )


def _worth_it(view: View, corners: _Corners, polygons: _Polygons) -> npt.NDArray[np.bool_]:
    """(polygons,) bool: in the image, and a face or a detail large enough to be made out."""
    low = np.minimum.reduceat(corners, polygons.starts, 0)
    high = np.maximum.reduceat(corners, polygons.starts, 0)
    size = np.array((view.intrinsics.width, view.intrinsics.height)) << SHIFT
    inside = ((high >= -(1 << SHIFT)) & (low <= size)).all(1)
    worth: npt.NDArray[np.bool_] = inside & (polygons.is_face | (high - low >= _THIN).all(1))
    return worth


def _cut(points: _Array) -> _Corners:
    cut = clip_near(points)
    return _fixed(cut, np.zeros(len(cut), bool))


def _fixed(points: _Array, on_ground: npt.NDArray[np.bool_]) -> _Corners:
    """Fixed-point pixel corners of homogeneous points (those nearer than NEAR_M: of no use).

    OpenCV also paints the pixels that an edge merely touches: half a pixel too much, which is taken back where a
    thing meets the ground.
    """
    pixels = points[:, :2] / np.maximum(points[:, 2:], NEAR_M / 2)
    pixels[:, 1] -= 0.5 * on_ground
    return np.rint(np.clip(pixels, -16000, 16000) * (1 << SHIFT)).astype(np.int32)
