"""What the demo leaves in its folder: masks as PNG, the overlay as a video, a page about the run."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from enet_ros.arrays import U8
from enet_ros.bags.messages import IMAGE, camera_frame, label_image
from enet_ros.classes import VOID
from enet_ros.errors import ConfigError
from enet_ros.files import write
from enet_ros.report import EvenSample, RunPage, Still, can_report, run_page
from enet_ros.ros.session.collector import Picture
from enet_ros.ros.session.page import STILLS


class DemoFiles:
    """Writes OUT/masks/NAME.png and OUT/overlay.mp4. Raises ConfigError where OUT cannot be written.

    A mask with the same name is replaced; masks of an earlier run are removed, so that the folder shows one run.
    """

    def __init__(self, out: Path, rate_hz: float) -> None:
        self.masks = 0
        self.stills: EvenSample[tuple[int, Still]] = EvenSample(STILLS)
        """Overlays for the page, with their stamps."""
        self._masks_dir, self._video_path, self._rate_hz = out / "masks", out / "overlay.mp4", rate_hz
        self._video: cv2.VideoWriter | None = None
        self._size = (0, 0)
        try:
            self._masks_dir.mkdir(parents=True, exist_ok=True)
            for old in self._masks_dir.glob("*.png"):
                old.unlink()
            self._video_path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot write to {out}: {error.strerror}; choose another --out") from error

    def __enter__(self) -> DemoFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._video is not None:
            self._video.release()

    def write(self, picture: Picture, name: str) -> None:
        """name: of the image that it answers."""
        if picture.topic == "mask":
            path = self._masks_dir / f"{name}.png"
            if not cv2.imwrite(str(path), label_image(picture.cdr)[1]):
                raise ConfigError(f"cannot write {path}: is the disk full?")
            self.masks += 1
        else:
            overlay = camera_frame(IMAGE, picture.cdr).rgb
            self._append(overlay)
            if self.stills.wants():  # the classes are painted over the camera image already
                nothing_more = np.full(overlay.shape[:2], VOID, np.uint8)
                self.stills.add((picture.stamp_ns, Still(name, "", overlay, nothing_more).reduced()))

    def finish(self, summary: dict[str, Any], page: RunPage) -> None:
        """Write OUT/summary.json and, where matplotlib is installed, OUT/report.html. Raises ConfigError."""
        texts = {"summary.json": json.dumps(summary, indent=2) + "\n"}
        if can_report():
            texts["report.html"] = run_page(page)
        for name, text in texts.items():
            path = self._masks_dir.parent / name
            try:
                write(path, text)
            except OSError as error:
                raise ConfigError(f"cannot write {path}: {error.strerror}") from error

    def _append(self, rgb: U8) -> None:
        """A picture of another size than the first is fitted to it: a video has one."""
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        if self._video is None:
            self._size = (rgb.shape[1] // 2 * 2, rgb.shape[0] // 2 * 2)
            code = cv2.VideoWriter.fourcc(*"mp4v")
            self._video = cv2.VideoWriter(str(self._video_path), code, self._rate_hz, self._size)
            if not self._video.isOpened():
                raise ConfigError(f"cannot write {self._video_path}: OpenCV has no MPEG-4 encoder here, or no room")
        if (bgr.shape[1], bgr.shape[0]) != self._size:
            bgr = cv2.resize(bgr, self._size, interpolation=cv2.INTER_AREA)
        self._video.write(bgr)
