"""Frames from files: a dataset, a folder with or without labels, a video."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from cv2.typing import MatLike

from enet_ros.classes import ClassTable
from enet_ros.datasets.base import PairDataset
from enet_ros.datasets.files import find_images, read_image
from enet_ros.datasets.opening import open_dataset, open_pairs
from enet_ros.errors import DatasetError
from enet_ros.frames.file_stamps import stamps
from enet_ros.frames.source import Frame, Load, Source
from enet_ros.stamps import NS

DEFAULT_HZ = 30.0
COUNTED_HZ = {"camvid": 30.0, "cityscapes": 17.0}
"""Class tables of the datasets whose file names number the frames, and how many numbers make a second
(Brostow et al. 2009; Cordts et al. 2016)."""


def from_folder(folder: Path, rate_hz: float | None = None, mode: str = "order") -> Source:
    """All images below a folder, in the order of their paths unless `mode` says otherwise (`file_stamps.stamps`).

    Raises DatasetError where there is none.
    """
    files = find_images(folder)
    place = folder.resolve()

    def load(index: int, stamp_ns: int) -> Frame:
        file = files[index]
        name = "_".join(file.relative_to(folder).with_suffix("").parts)
        return Frame(name, stamp_ns, read_image(file), None, file)

    return _stamped((place.name, str(place)), [file.stem for file in files], load, rate_hz, mode)


def from_pairs(images: Path, labels: Path, classes: str, rate_hz: float | None = None, mode: str = "order") -> Source:
    """The images of one folder with the labels of another; `classes` as `open_pairs` takes them.

    Raises DatasetError naming the first image without a label, ConfigError for unknown classes.
    """
    place = images.resolve()
    return _labelled((place.name, str(place)), open_pairs(images, labels, classes), rate_hz, mode)


def from_dataset(layout: str, root: Path, split: str, rate_hz: float | None = None, mode: str = "number") -> Source:
    """The labelled frames of a split of a dataset. Raises ConfigError, DatasetError."""
    name = (f"{layout} {split}", f"{root.resolve()} {split}")
    return _labelled(name, open_dataset(layout, root, split), rate_hz, mode)


def from_sequence(
    images: Path, layout: str, root: Path, split: str, rate_hz: float | None = None, mode: str = "number"
) -> Source:
    """Every image below a folder, with a dataset's labels for those it has: leftImg8bit_sequence, frames of a video.

    A frame is labelled if its file has the name of one of the dataset's images; DatasetError where none has.
    """
    files, dataset, place = find_images(images), open_dataset(layout, root, split), images.resolve()
    labelled = {sample.image_path.stem: index for index, sample in enumerate(dataset.samples)}
    if not any(file.stem in labelled for file in files):
        known = dataset.samples[0].image_path.name
        raise DatasetError(f"no image in {images} has the name of a labelled one, e.g. {known}: is it another split?")

    def load(index: int, stamp_ns: int) -> Frame:
        file = files[index]
        sample = labelled.get(file.stem)
        if sample is None:
            return Frame(file.stem, stamp_ns, read_image(file), None, file)
        image, truth = dataset.read(sample)
        return Frame(file.stem, stamp_ns, image, truth, dataset.samples[sample].image_path)

    stems = [file.stem for file in files]
    return _stamped((place.name, str(place)), stems, load, rate_hz, mode, dataset.table)


def from_video(path: Path, rate_hz: float | None = None) -> Source:
    """The frames of a video at its own rate, or at `rate_hz`. Raises DatasetError where OpenCV cannot read it."""
    if not path.is_file():
        raise DatasetError(f"there is no video {path}")
    video = cv2.VideoCapture(str(path))
    total, rate = int(video.get(cv2.CAP_PROP_FRAME_COUNT)), rate_hz or video.get(cv2.CAP_PROP_FPS)
    opened, decoded = video.isOpened(), video.read()[0]
    video.release()
    if not opened:
        raise DatasetError(f"{path} is not a video that OpenCV can read: convert it to MP4 (H.264) or MJPEG")
    if not decoded:
        raise DatasetError(f"video {path} holds no frame that can be decoded: is it cut off?")
    if not rate > 0:
        raise DatasetError(f"video {path} does not say its frame rate: give --rate")

    def load(index: int, bgr: MatLike) -> Frame:
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        return Frame(f"{index:06d}", round((index + 1) * NS / rate), rgb)

    def loads() -> Iterator[Load]:
        frames = cv2.VideoCapture(str(path))
        index = 0
        try:
            while True:
                more, bgr = frames.read()
                if not more:
                    return
                yield partial(load, index, bgr)
                index += 1
        finally:
            frames.release()

    return Source(path.name, str(path.resolve()), max(total, 0), rate, loads)


def _labelled(name: tuple[str, str], dataset: PairDataset, rate_hz: float | None, mode: str) -> Source:
    def load(index: int, stamp_ns: int) -> Frame:
        sample = dataset.samples[index]
        name = sample.name.replace("/", "_")
        return Frame(name, stamp_ns, *dataset.read(index), sample.image_path)

    stems = [sample.name.rpartition("/")[2] for sample in dataset.samples]
    return _stamped(name, stems, load, rate_hz, mode, dataset.table)


def _stamped(
    name: tuple[str, str],
    stems: Sequence[str],
    load: Callable[[int, int], Frame],
    rate_hz: float | None,
    mode: str,
    table: ClassTable | None = None,
) -> Source:
    """Images with stamps by the stems of their files. name: short and full; load(index of the stem, stamp in ns)."""
    counted_hz = DEFAULT_HZ if table is None else COUNTED_HZ.get(table.name, DEFAULT_HZ)
    stamped = stamps(stems, rate_hz or counted_hz, mode)
    steps_ns = [after.stamp_ns - before.stamp_ns for before, after in pairwise(stamped)]
    rate = NS / median(steps_ns) if steps_ns else rate_hz or counted_hz
    return Source(*name, len(stems), rate, lambda: (partial(load, *item) for item in stamped), table)
