"""Where the frames of a new bag come from: a labelled dataset, a folder, a video, the synthetic street."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.bags.stamps import stamps
from enet_ros.camera import CameraIntrinsics
from enet_ros.classes import ClassTable
from enet_ros.datasets.base import PairDataset
from enet_ros.datasets.files import find_images, read_image
from enet_ros.errors import BagError
from enet_ros.stamps import NS

_UINT8 = npt.NDArray[np.uint8]
_RATES = {"camvid": 30.0, "cityscapes": 17.0}
"""Frames per second that the frame numbers of a dataset count (Brostow et al. 2009; Cordts et al. 2016)."""


class SourceFrame(NamedTuple):
    """One frame to be written.

    rgb    (H, W, 3) uint8
    truth  (H, W) uint8 class ids, void 255, or None
    file   the image file that `rgb` was read from, or None
    """

    stamp_ns: int
    rgb: _UINT8
    truth: _UINT8 | None
    file: Path | None


@dataclass(frozen=True)
class Source:
    """Frames in time order, each loaded by a call, in any thread. classes: what the truth's ids mean."""

    total: int
    loads: Callable[[], Iterator[Callable[[], SourceFrame]]]
    classes: ClassTable | None = None
    camera: CameraIntrinsics | None = None


def dataset_source(dataset: PairDataset, layout: str, rate_hz: float | None = None, mode: str = "number") -> Source:
    """The frames of a labelled dataset. rate_hz: what frame numbers count; the dataset's own by default."""
    rate = rate_hz or _RATES.get(layout, 30.0)
    stamped = stamps([sample.name.rpartition("/")[2] for sample in dataset.samples], rate, mode)

    def load(position: int, stamp_ns: int) -> SourceFrame:
        image, truth = dataset.read(position)
        return SourceFrame(stamp_ns, image, truth, dataset.samples[position].image_path)

    def loads() -> Iterator[Callable[[], SourceFrame]]:
        for position, stamp_ns in stamped:
            yield lambda p=position, s=stamp_ns: load(p, s)  # type: ignore[misc]

    return Source(len(stamped), loads, classes=dataset.table)


def sequence_source(
    images: Path, dataset: PairDataset, layout: str, rate_hz: float | None = None, mode: str = "number"
) -> Source:
    """Every image below a folder, with the dataset's labels for those it has: leftImg8bit_sequence, frames of a video.

    A frame is labelled if its file has the name of a sample's image. Raises BagError where none is.
    """
    files = find_images(images)
    labelled = {sample.image_path.stem: index for index, sample in enumerate(dataset.samples)}
    if not any(file.stem in labelled for file in files):
        known = dataset.samples[0].image_path.name
        raise BagError(f"no image in {images} has the name of a labelled one, e.g. {known}: is it another split?")
    stamped = stamps([file.stem for file in files], rate_hz or _RATES.get(layout, 30.0), mode)

    def load(file: Path, stamp_ns: int) -> SourceFrame:
        index = labelled.get(file.stem)
        if index is None:
            return SourceFrame(stamp_ns, read_image(file), None, file)
        image, truth = dataset.read(index)
        return SourceFrame(stamp_ns, image, truth, dataset.samples[index].image_path)

    def loads() -> Iterator[Callable[[], SourceFrame]]:
        for position, stamp_ns in stamped:
            yield lambda f=files[position], s=stamp_ns: load(f, s)  # type: ignore[misc]

    return Source(len(files), loads, classes=dataset.table)


def folder_source(folder: Path, rate_hz: float = 30.0, mode: str = "order") -> Source:
    """The images below a folder in the order of their paths. Raises DatasetError where there is none."""
    files = find_images(folder)
    stamped = stamps([file.stem for file in files], rate_hz, mode)

    def loads() -> Iterator[Callable[[], SourceFrame]]:
        for position, stamp_ns in stamped:
            yield lambda f=files[position], s=stamp_ns: SourceFrame(s, read_image(f), None, f)  # type: ignore[misc]

    return Source(len(files), loads)


def video_source(path: Path, rate_hz: float | None = None) -> Source:
    """The frames of a video file, rate_hz as the file has it by default. Raises BagError if it is none."""
    video = cv2.VideoCapture(str(path))
    total, rate = int(video.get(cv2.CAP_PROP_FRAME_COUNT)), rate_hz or video.get(cv2.CAP_PROP_FPS)
    if not video.isOpened() or not path.is_file():
        raise BagError(f"{path} is no video that OpenCV can read: convert it to MP4 (H.264) or MJPEG")
    if not rate > 0:
        raise BagError(f"video {path} does not say its frame rate: give --rate")
    video.release()

    def loads() -> Iterator[Callable[[], SourceFrame]]:
        frames = cv2.VideoCapture(str(path))
        number = 0
        try:
            while True:
                more, bgr = frames.read()
                if not more:
                    break
                number += 1
                yield lambda b=bgr, n=number: SourceFrame(  # type: ignore[misc]
                    round(n * NS / rate), np.asarray(cv2.cvtColor(b, cv2.COLOR_BGR2RGB), np.uint8), None, None
                )
        finally:
            frames.release()
        if number == 0:
            raise BagError(f"video {path} holds no frame that can be decoded: is it cut off?")

    return Source(total, loads)
