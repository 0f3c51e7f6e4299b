"""Things over the background, from far to near. Colours and face ids are painted alike, neither is anti-aliased."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.classes import CAMVID
from enet_ros.datasets.street.atlas import HAZE, haze_share, haze_table
from enet_ros.datasets.street.cars import Mesh
from enet_ros.datasets.street.faces import FaceTable, Plane
from enet_ros.datasets.street.scenery import Background
from enet_ros.datasets.street.sprites import Sprite
from enet_ros.datasets.street.view import NEAR_M, View, clip_near

_Array = npt.NDArray[np.float64]
_Region = tuple[slice, slice]

_SHIFT = 4
_DETAIL_PX = 22.0
"""A model lower than this in the image is drawn without its details."""
_label = lru_cache(maxsize=32)(CAMVID.index)


class Painter:
    """Paints into one frame's background."""

    def __init__(self, view: View, background: Background) -> None:
        """Takes over the background's arrays."""
        self._view = view
        self.image, self._gap = background.image, background.gap
        self.faces = background.faces.astype(np.uint16)
        self.table = FaceTable()

    def sees(self, x: float, y: float, radius: float) -> bool:
        """Whether something around (x, y) may be in the image."""
        return self._view.sees(x, y, radius)

    def mesh(self, mesh: Mesh, x: float, y: float, heading: int = 1) -> None:
        """A model whose origin stands at (x, y) on the ground."""
        turn, place = np.array((heading, heading, 1.0)), np.array((x, y, 0.0))
        points = self._view.project(mesh.points * turn + place)
        seen = mesh.normals @ ((self._view.eye - place) * turn) > mesh.offsets
        nearest = np.minimum.reduceat(points[:, 2], mesh.bounds[:-1]).tolist()
        farthest = np.maximum.reduceat(points[:, 2], mesh.bounds[:-1]).tolist()
        depth = max(min(nearest), NEAR_M)
        share = haze_share(depth)
        colors = (mesh.colors * (1 - share) + HAZE * share).tolist()
        shown = seen if self._view.focal_px * mesh.height_m / depth > _DETAIL_PX else seen & mesh.is_face
        corners = _corners(points, mesh.on_ground) if min(nearest) >= NEAR_M else None
        offsets = (mesh.offsets + (mesh.normals * turn) @ place).tolist()
        normals = (mesh.normals * turn).tolist()
        for number in np.flatnonzero(shown).tolist():
            part = slice(mesh.bounds[number], mesh.bounds[number + 1])
            polygon = self._cut(points[part], mesh.on_ground[part]) if corners is None else corners[part]
            if len(polygon) < 3:
                continue
            cv2.fillConvexPoly(self.image, polygon, colors[number], cv2.LINE_8, _SHIFT)
            if mesh.is_face[number]:
                range_m = (max(nearest[number], NEAR_M), farthest[number])
                face = self.table.add(_label(mesh.label), Plane(normals[number], offsets[number], *range_m))
                cv2.fillConvexPoly(self.faces, polygon, face, cv2.LINE_8, _SHIFT)

    def _cut(self, points: _Array, on_ground: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        if points[:, 2].min() >= NEAR_M:
            return _corners(points, on_ground)
        cut = clip_near(points)
        return _corners(cut, np.zeros(len(cut), bool))

    def sprite(self, sprite: Sprite, x: float, y: float, label: str, *, in_gap: bool = False) -> None:
        """An upright picture across the street, the middle of its foot at (x, y).

        in_gap: only where one looks past the fronts.
        """
        left, right, low, high = (
            y + sprite.width_m / 2,
            y - sprite.width_m / 2,
            sprite.base_m,
            sprite.base_m + sprite.height_m,
        )
        points = self._view.project(np.array([(x, left, high), (x, right, high), (x, right, low), (x, left, low)]))
        depth = float(points[:, 2].min())
        if depth < 2 * NEAR_M:
            return
        region = self._region(points[:, :2] / points[:, 2:])
        if region is not None and in_gap:
            region = _where(self._gap, region)
        if region is None:
            return
        rows, columns = region
        per_m, picture = self._copy(sprite, depth)
        to_region = self._view.upright(np.array((x, left, high)), per_m, columns.start, rows.start)
        size = (columns.stop - columns.start, rows.stop - rows.start)
        drawn = cv2.warpPerspective(picture, to_region, size, flags=cv2.INTER_LINEAR)
        cover = np.asarray(cv2.extractChannel(drawn, 3)) > 127
        if in_gap:
            cover &= self._gap[region]
        rgb = cv2.LUT(cv2.cvtColor(drawn, cv2.COLOR_RGBA2RGB), haze_table(round(depth)))
        cv2.copyTo(rgb, cover.view(np.uint8), self.image[region])
        face = self.table.add(_label(label), Plane((1, 0, 0), x))
        np.copyto(self.faces[region], np.uint16(face), where=cover)

    def _copy(self, sprite: Sprite, depth: float) -> tuple[float, npt.NDArray[np.uint8]]:
        """The coarsest copy that still has about a texel a pixel."""
        wanted = self._view.focal_px / depth
        for per_m, picture in reversed(sprite.copies):
            if per_m >= 0.8 * wanted:
                return per_m, picture
        return sprite.copies[0]

    def shadow(self, x0: float, x1: float, y0: float, y1: float, factor: float = 0.5) -> None:
        """Darken a rectangle of ground; its ids stay."""
        corners = np.array([(x0, y0, 0), (x1, y0, 0), (x1, y1, 0), (x0, y1, 0)], np.float64)
        points = clip_near(self._view.project(corners))
        if len(points) < 3:
            return
        pixels = points[:, :2] / points[:, 2:]
        region = self._region(pixels)
        if region is None:
            return
        rows, columns = region
        mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        inside = np.rint((pixels - (columns.start, rows.start)) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(mask, inside, 1, cv2.LINE_8, _SHIFT)
        ground = self.image[region]
        cv2.copyTo(cv2.convertScaleAbs(ground, alpha=factor), mask, ground)

    def _region(self, pixels: _Array) -> _Region | None:
        """The part of the image around some pixels, None if outside."""
        height, width = self.faces.shape
        (left, up), (right, down) = pixels.min(0).tolist(), pixels.max(0).tolist()
        rows = slice(int(max(up, 0)), int(min(down + 2, height)))
        columns = slice(int(max(left, 0)), int(min(right + 2, width)))
        return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _where(mask: npt.NDArray[np.bool_], region: _Region) -> _Region | None:
    """The part of a region that bounds the mask's true pixels in it, None if there are none."""
    part = mask[region]
    rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
    if not rows.size:
        return None
    row, column = region[0].start, region[1].start
    return (
        slice(row + int(rows[0]), row + int(rows[-1]) + 1),
        slice(column + int(columns[0]), column + int(columns[-1]) + 1),
    )


def _corners(points: _Array, on_ground: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Fixed-point pixel corners of homogeneous points.

    OpenCV also paints the pixels that an edge merely touches: half a pixel too much, which is taken back where a
    thing meets the ground.
    """
    pixels = points[:, :2] / points[:, 2:]
    pixels[:, 1] -= 0.5 * on_ground
    return np.rint(np.clip(pixels, -16000, 16000) * (1 << _SHIFT)).astype(np.int32)
