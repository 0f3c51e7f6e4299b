"""The camera in the street, and what it sees of models and sprites, painted over a background.

Colours and face ids are painted alike, neither is anti-aliased.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import cv2
import numpy as np

from enet_ros.arrays import F32, F64, I32, U8, U16, Bool
from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.classes import CAMVID
from enet_ros.errors import ConfigError
from enet_ros.street.drawing import Model, Sprite, haze, hazed
from enet_ros.street.world import FRONT_Y, LANE_Y, Surface

NEAR_M = 0.4
"""Nothing closer to the camera along its axis is drawn."""
_SHIFT = 4
"""Fractional bits of pixel corners."""
_DETAIL_PX = 15.0
"""A model lower than this in the image is drawn without its details."""
_MARGIN_M = 6.0
"""A thing whose foot lies farther beside the image than this is not painted."""
_HAZE_STEP_M = 10.0
_ANY_DEPTH = (0.0, float("inf"))
_SURFACES: dict[Surface, tuple[str, tuple[float, float, float], float]] = {
    Surface.SKY: ("sky", (0, 0, 0), 0),
    Surface.ROAD: ("road", (0, 0, 1), 0),
    Surface.PAVEMENT: ("pavement", (0, 0, 1), 0),
    Surface.HOUSE_LEFT: ("building", (0, 1, 0), FRONT_Y),
    Surface.HOUSE_RIGHT: ("building", (0, 1, 0), -FRONT_Y),
    Surface.FENCE_LEFT: ("fence", (0, 1, 0), FRONT_Y),
    Surface.FENCE_RIGHT: ("fence", (0, 1, 0), -FRONT_Y),
    Surface.TREES_LEFT: ("tree", (0, 1, 0), FRONT_Y),
    Surface.TREES_RIGHT: ("tree", (0, 1, 0), -FRONT_Y),
}


class View:
    """The camera in the street. Points are (x relative to the base frame, y and z of the street), metres.

    eye: (3,) the camera. rays: (H, W, 3) float64, direction of each pixel, of length 1 along the optical axis.
    axes: (3, 3), what a metre along x, y and z adds to a homogeneous pixel. focal_px: pixels of a metre at a metre.
    """

    def __init__(self, intrinsics: CameraIntrinsics, pose: CameraPose) -> None:
        """Raise ConfigError for a camera that does not look down the street from between its fronts."""
        if any(intrinsics.d):
            raise ConfigError(f"distortion {intrinsics.d} of the street's camera: it is an ideal one, leave d empty")
        self.size = (intrinsics.width, intrinsics.height)
        self.focal_px = float(intrinsics.k[0, 0])
        self.eye: F64 = pose.position() + (0, LANE_Y, 0)
        v, u = np.indices((intrinsics.height, intrinsics.width), np.float64)
        pixels = np.stack([u, v, np.ones_like(u)], -1)
        self.rays: F64 = pixels @ (pose.rotation() @ np.linalg.inv(intrinsics.k)).T
        self.axes: F64 = pose.rotation() @ intrinsics.k.T
        if self.rays[..., 0].min() < 0.05:
            raise ConfigError(
                f"street camera with yaw {pose.yaw_rad} and pitch {pose.pitch_rad} rad sees sideways: turn it forward"
            )
        if abs(self.eye[1]) > FRONT_Y - 0.5 or not 0.2 <= pose.height_m <= 10 or not 0 <= pose.x_m <= 5:
            raise ConfigError(
                f"street camera at x {pose.x_m}, y {pose.y_m}, height {pose.height_m} m: place it over the street,"
                " x 0..5, height 0.2..10"
            )

    def project(self, points: F64) -> F64:
        """(N, 3) street points to homogeneous pixels (u * z, v * z, z), z metres along the optical axis."""
        result: F64 = (points - self.eye) @ self.axes
        return result

    def meet(self, axis: int, at: float) -> tuple[F64, F64, F64]:
        """x, y and z (each (H, W)) of where the rays meet the plane across an axis; x is -1 where one never does."""
        along = self.rays[..., axis]
        meets = along * (at - self.eye[axis]) > 1e-9
        reach = np.where(meets, (at - self.eye[axis]) / np.where(meets, along, 1), 0)
        x, y, z = (self.eye[each] + reach * self.rays[..., each] for each in range(3))
        return np.where(meets, x, -1), y, z


class Faces:
    """The flat faces that pixels belong to: a face gives their class and, with the camera, their exact depth.

    A plane is (normal, offset, nearest, farthest): normal . point = offset in the street frame moved along with the
    base frame; nearest and farthest are the depths of the face's corners, metres, since a pixel's centre may lie half a
    pixel beside a face that is seen edge on, where its plane would already be metres away.
    """

    def __init__(self, base: Faces | None = None) -> None:
        """The surfaces of every frame, whose ids are `Surface`; or what `base` has."""
        self._labels: list[int] = [] if base is None else base._labels.copy()
        self._planes: list[tuple[float, ...]] = [] if base is None else base._planes.copy()
        if base is None:
            for label, normal, offset in _SURFACES.values():
                self.add(CAMVID.index(label), normal, offset)

    def add(self, label: int, normal: Iterable[float], offset: float, depths: tuple[float, float] = _ANY_DEPTH) -> int:
        """A new face's id; depths: nearest and farthest."""
        self._labels.append(label)
        self._planes.append((*normal, offset, *depths))
        return len(self._labels) - 1

    def planes(self) -> F64:
        """(faces, 6) float64: normal, offset, nearest, farthest."""
        return np.array(self._planes)

    def labels(self, ids: U16) -> U8:
        """(H, W) uint8: class of each pixel; faster where the ids fit in a byte, as they nearly always do."""
        labels = np.array(self._labels, np.uint8)
        if len(labels) > 256:
            return np.take(labels, ids)
        return np.asarray(cv2.LUT(ids.astype(np.uint8), np.resize(labels, 256)), np.uint8)

    def depth_m(self, ids: U16, view: View) -> F32:
        """(H, W) float32: metres along the optical axis, inf for the sky, whose plane no ray meets."""
        planes = self.planes()
        normals, offsets = planes[:, :3], planes[:, 3] - planes[:, :3] @ view.eye
        towards = np.einsum("hwc,hwc->hw", normals[ids], view.rays)
        depth = np.full(towards.shape, np.inf)
        np.divide(offsets[ids], towards, out=depth, where=towards != 0)
        return np.clip(depth, planes[:, 4][ids], planes[:, 5][ids]).astype(np.float32)


class Canvas:
    """A picture that is painted from far to near. image: (H, W, 3) uint8 RGB; ids: (H, W) uint16 of `faces`."""

    def __init__(self, view: View, image: U8, ids: U16, faces: Faces) -> None:
        """Paints into the arrays and adds to the faces."""
        self._view, self.image, self.ids, self.faces = view, image, ids, faces

    def sees(self, place: F64) -> Bool:
        """(N,) bool: whether what stands at each (x, y, z) may be in the image."""
        across, _, depth = self._view.project(place).T
        margin = _MARGIN_M * self._view.focal_px
        result: Bool = (
            (depth > -_MARGIN_M) & (across > -margin) & (across < self._view.size[0] * np.maximum(depth, 0) + margin)
        )
        return result

    def paint(self, look: Model | Sprite, x: float, y: float, heading: int = 1) -> None:
        """Something that stands at (x, y); a sprite always faces the camera."""
        if isinstance(look, Sprite):
            self._sprite(look, x, y)
        else:
            self._model(look, x, y, heading)

    def _model(self, model: Model, x: float, y: float, heading: int) -> None:
        view, place, turn = self._view, np.array((x, y, 0.0)), np.array((heading, heading, 1.0))
        shown = model.normals @ ((view.eye - place) * turn) > model.offsets
        if view.focal_px * model.height_m < _DETAIL_PX * max(x - view.eye[0], NEAR_M):
            shown &= model.is_face
        points = view.project(model.points * turn + place)
        corners = _fixed(points, model.points[:, 2] == 0)
        nearest = np.minimum.reduceat(points[:, 2], model.starts)
        farthest = np.maximum.reduceat(points[:, 2], model.starts)
        colors = haze(model.colors, max(x, NEAR_M)).tolist()
        starts = [*model.starts.tolist(), len(points)]
        for each in np.flatnonzero(shown & (farthest > NEAR_M)).tolist():
            part = slice(starts[each], starts[each + 1])
            polygon = corners[part]
            if nearest[each] < NEAR_M:
                polygon = _fixed(_clip_near(points[part]), np.zeros(1, bool))
            cv2.fillConvexPoly(self.image, polygon, colors[each], cv2.LINE_8, _SHIFT)
            if model.is_face[each]:
                normal, depths = model.normals[each] * turn, (max(nearest[each], NEAR_M), farthest[each])
                face = self.faces.add(model.label, normal, model.offsets[each] + normal @ place, depths)
                cv2.fillConvexPoly(self.ids, polygon, face, cv2.LINE_8, _SHIFT)

    def _sprite(self, sprite: Sprite, x: float, y: float) -> None:
        view, shares = self._view, homography(self._view, sprite, x, y)
        seen = shares @ np.array([(0, 1, 0, 1), (0, 0, 1, 1), (1, 1, 1, 1)])
        if (depth := float(seen[2].min())) < 2 * NEAR_M:
            return
        pixels = seen[:2] / seen[2]
        left, top = np.maximum(pixels.min(1), 0).astype(int).tolist()
        right, bottom = np.minimum(pixels.max(1) + 2, view.size).astype(int).tolist()
        if left >= right or top >= bottom:
            return
        rows_px = 0.8 * view.focal_px * sprite.height_m / depth  # the coarsest copy that has about a texel a pixel
        finer = sum(len(copy) >= rows_px for copy in sprite.copies)
        picture = _seen_through_haze(sprite, max(finer - 1, 0), round(x / _HAZE_STEP_M))
        rows, columns = picture.shape[:2]
        texels = shares @ np.array([(1 / columns, 0, 0.5 / columns), (0, 1 / rows, 0.5 / rows), (0, 0, 1)])
        texels[:2] -= np.array([[left], [top]]) * texels[2]
        drawn = cv2.warpPerspective(picture, texels, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
        cover = cv2.threshold(cv2.extractChannel(drawn, 3), 127, 255, cv2.THRESH_BINARY)[1]
        region = (slice(top, bottom), slice(left, right))
        cv2.copyTo(cv2.cvtColor(drawn, cv2.COLOR_RGBA2RGB), cover, self.image[region])
        face = self.faces.add(sprite.label, (1, 0, 0), x)
        cv2.copyTo(np.full(cover.shape, face, np.uint16), cover, self.ids[region])


def homography(view: View, sprite: Sprite, x: float, y: float) -> F64:
    """(3, 3): from shares of a sprite's width and height, from its upper left corner, to homogeneous pixels."""
    across, down = sprite.width_m * -view.axes[1], sprite.height_m * -view.axes[2]
    middle_of_foot = view.project(np.array((x, y, sprite.base_m)))
    return np.stack([across, down, middle_of_foot - down - 0.5 * across], 1)


@lru_cache(maxsize=1024)
def _seen_through_haze(sprite: Sprite, copy: int, steps: int) -> U8:
    return hazed(sprite.copies[copy], steps * _HAZE_STEP_M)


def _fixed(points: F64, on_ground: Bool) -> I32:
    """Fixed-point pixel corners of homogeneous points (those nearer than NEAR_M: of no use).

    OpenCV also paints the pixels that an edge merely touches: half a pixel too much, which is taken back where a
    thing meets the ground.
    """
    pixels = points[:, :2] / np.maximum(points[:, 2:], NEAR_M / 2)
    pixels[:, 1] -= 0.5 * on_ground
    return np.rint(np.clip(pixels, -16000, 16000) * (1 << _SHIFT)).astype(np.int32)


def _clip_near(points: F64) -> F64:
    """The part of a convex polygon of homogeneous pixels with z >= NEAR_M; empty if none."""
    kept: list[F64] = []
    for current, following in zip(points, np.roll(points, -1, 0), strict=True):
        inside, next_inside = current[2] >= NEAR_M, following[2] >= NEAR_M
        if inside:
            kept.append(current)
        if inside != next_inside:
            share = (NEAR_M - current[2]) / (following[2] - current[2])
            kept.append(current + share * (following - current))
    return np.array(kept).reshape(-1, 3)
