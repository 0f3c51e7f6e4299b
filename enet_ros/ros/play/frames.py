"""What a player shows as a camera: a folder of images, a video, a bag's camera, or the synthetic street."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.bags import BagReader
from enet_ros.bags.messages import camera_frame, from_cdr
from enet_ros.bags.types import CAMERA_INFO, IMAGE_TYPES
from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.datasets.files import find_images, read_image
from enet_ros.errors import BagError, DatasetError
from enet_ros.messages import intrinsics

IMAGES_HZ = 10.0
"""For images without a time of their own."""


class Shot(NamedTuple):
    """One picture. name: unique within the source, usable as a file name. rgb: (H, W, 3) uint8."""

    name: str
    rgb: npt.NDArray[np.uint8]


class Footage(NamedTuple):
    """Pictures in order; `shots` begins anew at every call. total: how many, as far as known. rate_hz: their own."""

    total: int
    rate_hz: float
    shots: Callable[[], Iterator[Shot]]
    calibration: CameraIntrinsics | None = None
    pose: CameraPose | None = None

    def first(self, count: int) -> Footage:
        """The first `count` pictures, or all where it is 0."""
        if count <= 0:
            return self
        return self._replace(total=min(count, self.total), shots=lambda: islice(self.shots(), count))


def from_folder(folder: Path) -> Footage:
    """Images below a folder, in the order of their paths. Raises DatasetError where there is none."""
    files = find_images(folder)

    def shots() -> Iterator[Shot]:
        for file in files:
            yield Shot("_".join(file.relative_to(folder).with_suffix("").parts), read_image(file))

    return Footage(len(files), IMAGES_HZ, shots)


def from_video(path: Path) -> Footage:
    """A video file. Raises DatasetError where OpenCV cannot read it."""
    if not path.is_file():
        raise DatasetError(f"there is no video {path}")
    video = cv2.VideoCapture(str(path))
    total, rate_hz = int(video.get(cv2.CAP_PROP_FRAME_COUNT)), video.get(cv2.CAP_PROP_FPS)
    readable = video.isOpened() and video.read()[0]
    video.release()
    if not readable:
        raise DatasetError(f"{path} is no video that OpenCV can read: convert it to MP4")

    def shots() -> Iterator[Shot]:
        capture = cv2.VideoCapture(str(path))
        try:
            number = 0
            while True:
                more, bgr = capture.read()
                if not more:
                    return
                yield Shot(f"{number:06d}", np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))
                number += 1
        finally:
            capture.release()

    return Footage(max(total, 1), rate_hz if rate_hz > 0 else IMAGES_HZ, shots)


def from_bag(path: Path, topic: str = "") -> Footage:
    """The images of a topic, by default the bag's first camera. Raises BagError where there is none."""
    with BagReader(path) as reader:
        cameras = [found for found in reader.topics if found.type in IMAGE_TYPES]
        if topic:
            cameras = [reader.topic(topic)]
        if not cameras or cameras[0].total == 0:
            listing = ", ".join(f"{found.name} [{found.type}]" for found in reader.topics) or "none"
            raise BagError(f"{path} has no image; its topics: {listing}")
        camera = cameras[0]
        calibration = _calibration(reader, camera.name)
        seconds = (reader.end_ns - reader.start_ns) / 1e9
    rate_hz = (camera.total - 1) / seconds if seconds > 0 and camera.total > 1 else IMAGES_HZ

    def shots() -> Iterator[Shot]:
        with BagReader(path) as bag:
            for message in bag.messages([camera.name]):
                frame = camera_frame(message.type, message.data)
                yield Shot(f"{message.number:06d}", frame.rgb)

    return Footage(camera.total, rate_hz, shots, calibration)


def _calibration(reader: BagReader, image_topic: str) -> CameraIntrinsics | None:
    """The first CameraInfo beside the image topic, and of no other camera."""
    name = image_topic.removesuffix("/compressed").rpartition("/")[0] + "/camera_info"
    for message in reader.messages([name]):
        if message.type != CAMERA_INFO:
            break
        lens = intrinsics(from_cdr(message.type, message.data))
        return lens if lens.k[0, 0] else None
    return None


def from_street(seed: int = 0, frames: int = 150, width: int = 960, height: int = 720) -> Footage:
    """The synthetic street, with the true calibration and pose of its camera."""
    from enet_ros.street import Street  # paints for a second

    street = Street(seed, width, height)

    def shots() -> Iterator[Shot]:
        for frame in street.frames(frames):
            yield Shot(f"{frame.index:06d}", frame.image)

    return Footage(frames, street.fps, shots, street.intrinsics, street.pose)
