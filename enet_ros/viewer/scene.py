"""Where each of our values goes in Rerun: the entities of a camera.

/base                       the base frame (REP-103)
/base/CAMERA                free space, points and grid in metres
/base/CAMERA/lens           pose and frustum; its image plane has picture, mask and the free space's boundary
/confidence/CAMERA          an image
/latency, /rate, /log       by CAMERA: milliseconds by stage, answers and losses a second, lines of text
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from enet_ros.arrays import F32, F64, U8
from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.codec import compress
from enet_ros.messages import FreeSpace, OccupancyGrid
from enet_ros.products import lens
from enet_ros.products.images import nearest
from enet_ros.viewer.sdk import rerun

VIEW_WIDTH = 640
"""Pixels. Wider pictures are shrunk to it: a viewer keeps minutes of them in memory."""
JPEG_QUALITY = 80
STAGES = ("transport", "queue", "decode", "preprocess", "infer", "postprocess", "publish")
RATES = ("answered", "dropped", "skipped", "failed")
_STAGE_COLORS = (0x56B4E9, 0x999999, 0x009E73, 0xC9A227, 0xD55E00, 0xCC79A7, 0x0072B2)
_RATE_COLORS = (0x009E73, 0xD55E00, 0x999999, 0xDC1E1E)
_FREE, _OBSTACLE = (0, 200, 90), (230, 60, 40)
_FRUSTUM_M = 1.5
_SPATIAL = ("lens/picture", "lens/mask", "lens/free_space", "free_space", "obstacle_points", "free_points", "grid")


class Seen(NamedTuple):
    """One frame with its answers, all of the same image; None what there is not.

    rgb: (h, w, 3) uint8. labels, confidence: (H, W) uint8. camera: the lens of a picture of the labels' size. pose,
    points ((N, 3) float32) and grid: in the base frame.
    """

    stamp_ns: int
    rgb: U8 | None
    labels: U8
    confidence: U8 | None = None
    camera: CameraIntrinsics | None = None
    pose: CameraPose | None = None
    free_space: FreeSpace | None = None
    obstacle_points: F32 | None = None
    free_points: F32 | None = None
    grid: OccupancyGrid | None = None


class Pulse(NamedTuple):
    """A moment of a node. stage_ms: of STAGES, NaN where unknown. rate_hz: of RATES, images a second."""

    stage_ms: Sequence[float]
    rate_hz: Sequence[float]


class CameraScene:
    """Logs one camera. May be used in any one thread. Raises ConfigError without rerun-sdk."""

    def __init__(self, recording: Any, camera: str) -> None:
        """recording: a RecordingStream. camera: its name, which may have slashes."""
        self._rr, self._recording, self.name = rerun(), recording, camera.strip("/")
        self._context: Any = None
        rr = self._rr
        recording.log("base", rr.ViewCoordinates.FLU, static=True)
        for topic, names, colors in (("latency", STAGES, _STAGE_COLORS), ("rate", RATES, _RATE_COLORS)):
            recording.log(
                f"{topic}/{self.name}",
                rr.SeriesLines(names=names, colors=np.array(colors, np.uint32) << 8 | 0xFF),
                static=True,
            )

    def classes(self, names: Sequence[str], colors: U8) -> None:
        """What the ids of the labels mean in the frames that are shown from now on. colors: (N, 3) uint8 RGB."""
        rr = self._rr
        infos = [rr.AnnotationInfo(i, name, tuple(map(int, colors[i]))) for i, name in enumerate(names)]
        self._context = rr.AnnotationContext([*infos, rr.AnnotationInfo(255, "void", (0, 0, 0, 0))])

    def show(self, seen: Seen) -> None:
        """A frame. What it lacks is cleared, so that nothing of an earlier frame stays beside it."""
        rr, base = self._rr, f"base/{self.name}"
        self._recording.set_time("stamp", timestamp=np.datetime64(seen.stamp_ns, "ns"))
        size = shown_size((seen.labels.shape[0], seen.labels.shape[1]))
        made: dict[str, Any] = {f"{base}/lens/mask": rr.SegmentationImage(nearest(seen.labels, size), opacity=0.5)}
        if seen.rgb is not None:
            made[f"{base}/lens/picture"] = self._jpeg(seen.rgb, size)
        if seen.confidence is not None:
            made[f"confidence/{self.name}"] = self._jpeg(seen.confidence, size)
        if seen.free_space is not None:
            scale = size[1] / seen.labels.shape[1]
            made[f"{base}/lens/free_space"] = rr.LineStrips2D(
                [boundary_px(seen.free_space, scale)], colors=_FREE, radii=1.0
            )
            made[f"{base}/free_space"] = rr.LineStrips3D(strips_m(seen.free_space), colors=_FREE, radii=0.03)
        if seen.obstacle_points is not None:
            made[f"{base}/obstacle_points"] = rr.Points3D(seen.obstacle_points, colors=_OBSTACLE, radii=0.08)
        if seen.free_points is not None:
            made[f"{base}/free_points"] = rr.Points3D(seen.free_points, colors=_FREE, radii=0.04)
        if seen.grid is not None:
            made[f"{base}/grid"] = self._grid(seen.grid)
        if self._context is not None:  # with each frame: a viewer that is full forgets the oldest
            self._recording.log(base, self._context)
        for name in (*(f"{base}/{entity}" for entity in _SPATIAL), f"confidence/{self.name}"):
            self._recording.log(name, made.get(name) or rr.Clear(recursive=False))
        self._place(seen.camera, seen.pose, size)
        self._recording.reset_time()

    def pulse(self, pulse: Pulse) -> None:
        """How the node does, now."""
        rr = self._rr
        self._recording.log(f"latency/{self.name}", rr.Scalars(np.asarray(pulse.stage_ms, np.float64)))
        self._recording.log(f"rate/{self.name}", rr.Scalars(np.asarray(pulse.rate_hz, np.float64)))

    def text(self, level: str, text: str) -> None:
        """A line of the log. level: of rr.TextLogLevel, 'INFO'."""
        self._recording.log(f"log/{self.name}", self._rr.TextLog(text, level=level))

    def _jpeg(self, picture: U8, size_hw: tuple[int, int]) -> Any:
        """(H, W, 3) RGB or (H, W) grey, shrunk."""
        height, width = size_hw
        small = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        rgb = small if small.ndim == 3 else np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2RGB), np.uint8)
        return self._rr.EncodedImage(contents=compress(rgb, "jpeg", JPEG_QUALITY), media_type="image/jpeg")

    def _grid(self, grid: OccupancyGrid) -> Any:
        rr = self._rr
        rows, columns = grid.cells.shape
        return rr.GridMap(
            # Rerun has row 0 at the top of the map, OccupancyGrid at the bottom.
            data=np.ascontiguousarray(grid.cells[::-1]).tobytes(),
            format=rr.components.ImageFormat(width=columns, height=rows, color_model="L", channel_datatype="U8"),
            cell_size=grid.resolution_m,
            translation=(*grid.origin, 0.0),
            colormap=rr.components.Colormap.RvizMap,
            opacity=0.6,
        )

    def _place(self, camera: CameraIntrinsics | None, pose: CameraPose | None, size_hw: tuple[int, int]) -> None:
        """Where the camera is and what it sees; without a calibration its pictures are flat."""
        rr, entity = self._rr, f"base/{self.name}/lens"
        height, width = size_hw
        if camera is None or pose is None:
            self._recording.log(entity, rr.Clear(recursive=False))
            return
        shown = lens.scaled(camera, width, height)
        k: F64 = np.array(shown.k, np.float64)
        k[:2, 2] += 0.5  # a pixel's centre is at .5 in Rerun
        self._recording.log(
            entity,
            rr.Transform3D(translation=pose.position(), mat3x3=pose.rotation()),
            rr.Pinhole(image_from_camera=k, width=width, height=height, image_plane_distance=_FRUSTUM_M),
        )


def shown_size(labels_hw: tuple[int, int]) -> tuple[int, int]:
    """(height, width) in which labels of that size are shown."""
    height, width = labels_hw
    factor = min(1.0, VIEW_WIDTH / width)
    return max(1, round(height * factor)), max(1, round(width * factor))


def boundary_px(space: FreeSpace, scale: float) -> F32:
    """(N, 2) float32 x, y in the picture: the upper edge of each column's free space. scale: from mask to picture."""
    columns = space.column_offset + np.arange(len(space.boundary_row)) * space.column_step
    return (np.column_stack((columns + 0.5, space.boundary_row)) * scale).astype(np.float32)


def strips_m(space: FreeSpace) -> list[F32]:
    """The same in the base frame, x, y, z = 0 in metres: lines of (N, 3) float32, broken where the range is unknown."""
    known = np.isfinite(space.range)
    if not known.any():
        return []
    xyz = np.zeros((len(known), 3), np.float32)
    xyz[:, 0], xyz[:, 1] = space.range * np.cos(space.bearing), space.range * np.sin(space.bearing)
    breaks = np.flatnonzero(np.diff(known)) + 1
    return [part for part, of in zip(np.split(xyz, breaks), np.split(known, breaks), strict=True) if of[0]]
