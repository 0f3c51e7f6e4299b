"""Things over the background, from far to near. Colours and face ids are painted alike, neither is anti-aliased."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.street.boards import Board, Region, Upright, boards, warp
from enet_ros.street.faces import FaceTable
from enet_ros.street.scenery import Background
from enet_ros.street.solids import SHIFT, Patch, Solids, Standing
from enet_ros.street.sprites import Sprite
from enet_ros.street.view import NEAR_M, View, clip_near


class Painter:
    """Paints into one frame's background."""

    def __init__(self, view: View, solids: Solids, background: Background) -> None:
        """Paints over the background's image; the face ids are a copy."""
        self._view, self._solids = view, solids
        self.image, self._gap = background.image, background.gap
        self.faces = background.faces.astype(np.uint16)
        self.table = FaceTable()
        self._ids = np.empty_like(self.faces)

    def paint(self, things: Sequence[Standing | Upright]) -> None:
        """Models and sprites, in the order of painting."""
        solid = iter(self._solids.patches([t for t in things if isinstance(t, Standing)], self.table))
        flat = iter(boards(self._view, [t for t in things if isinstance(t, Upright)], self.table))
        for thing in things:
            if isinstance(thing, Standing):
                self._polygons(next(solid))
            elif (board := next(flat)) is not None:
                self._board(board, thing.sprite, thing.in_gap)

    def _polygons(self, shown: list[Patch]) -> None:
        image, faces, fill = self.image, self.faces, cv2.fillConvexPoly
        for corners, color, face in shown:
            fill(image, corners, color, cv2.LINE_8, SHIFT)
            if face:
                fill(faces, corners, face, cv2.LINE_8, SHIFT)

    def _board(self, board: Board, sprite: Sprite, in_gap: bool) -> None:
        if in_gap:
            seen = _where(self._gap, board.region)
            if seen is None:
                return
            board = board._replace(region=seen)
        region = board.region
        drawn = warp(self._view, board, sprite)
        cover = cv2.threshold(cv2.extractChannel(drawn, 3), 127, 255, cv2.THRESH_BINARY)[1]
        if in_gap:
            cover = cv2.bitwise_and(cover, self._gap[region])
        cv2.copyTo(cv2.cvtColor(drawn, cv2.COLOR_RGBA2RGB), cover, self.image[region])
        ids = self._ids[: cover.shape[0], : cover.shape[1]]
        ids.fill(board.face)
        cv2.copyTo(ids, cover, self.faces[region])

    def shadow(self, x0: float, x1: float, y0: float, y1: float, factor: float = 0.5) -> None:
        """Darken a rectangle of ground; its ids stay."""
        corners = np.array([(x0, y0, 0), (x1, y0, 0), (x1, y1, 0), (x0, y1, 0)], np.float64)
        points = self._view.project(corners)
        if points[:, 2].min() < NEAR_M:
            points = clip_near(points)
        if len(points) < 3:
            return
        pixels = points[:, :2] / points[:, 2:]
        region = self._region(pixels)
        if region is None:
            return
        rows, columns = region
        mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        inside = np.rint((pixels - (columns.start, rows.start)) * (1 << SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(mask, inside, 1, cv2.LINE_8, SHIFT)
        ground = self.image[region]
        cv2.copyTo(cv2.convertScaleAbs(ground, alpha=factor), mask, ground)

    def _region(self, pixels: npt.NDArray[np.float64]) -> Region | None:
        """The part of the image around some pixels, None if outside."""
        height, width = self.faces.shape
        (left, up), (right, down) = pixels.min(0).tolist(), pixels.max(0).tolist()
        rows = slice(int(max(up, 0)), int(min(down + 2, height)))
        columns = slice(int(max(left, 0)), int(min(right + 2, width)))
        return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _where(mask: npt.NDArray[np.uint8], region: Region) -> Region | None:
    """The part of a region that bounds the mask's pixels in it, None if there are none."""
    column, row, width, height = cv2.boundingRect(mask[region])
    if not width:
        return None
    row, column = row + region[0].start, column + region[1].start
    return slice(row, row + height), slice(column, column + width)
