"""Frames from files: a dataset, a folder with or without labels, a video.

The stamps of images come from their file names: frame numbers at a rate, nanoseconds, or simply their order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import cv2
import numpy as np
from cv2.typing import MatLike

from enet_ros.classes import ClassTable
from enet_ros.datasets.base import PairDataset
from enet_ros.datasets.files import find_images, read_image
from enet_ros.datasets.opening import open_dataset, open_pairs
from enet_ros.errors import DatasetError
from enet_ros.frames.source import Frame, Load, Source
from enet_ros.stamps import NS

DEFAULT_HZ = 30.0
COUNTED_HZ = {"camvid": 30.0, "cityscapes": 17.0}
"""Class tables of the datasets whose file names number the frames, and how many numbers make a second
(Brostow et al. 2009; Cordts et al. 2016)."""

_GAP_NS = NS
"""From the last frame of one sequence to the first of the next: each sequence counts its frames from its own start."""

STAMPS: Final = ("number", "order", "nanoseconds")
"""Ways to stamp images by their file names; see `stamps`."""


def from_folder(
    folder: Path, rate_hz: float | None = None, mode: str = "order", labelled: PairDataset | None = None
) -> Source:
    """All images below a folder, in the order of their paths unless `mode` says otherwise (`stamps`).

    labelled: a dataset of which some images have the names of files in this folder, such as the frames of a video or
    leftImg8bit_sequence; these frames have its pixels and labels. Raises DatasetError where there is no image, or none
    that is labelled.
    """
    files, place = find_images(folder), folder.resolve()
    samples = {} if labelled is None else {s.image_path.stem: (i, s) for i, s in enumerate(labelled.samples)}
    if labelled is not None and not any(file.stem in samples for file in files):
        known = labelled.samples[0].image_path.name
        raise DatasetError(f"no image in {folder} has the name of a labelled one, e.g. {known}: is it another split?")

    def load(index: int, stamp_ns: int) -> Frame:
        file = files[index]
        name = "_".join(file.relative_to(folder).with_suffix("").parts)
        if labelled is None or file.stem not in samples:
            return Frame(name, stamp_ns, read_image(file), None, file)
        number, sample = samples[file.stem]
        return Frame(name, stamp_ns, *labelled.read(number), sample.image_path, sample.sequence)

    table = None if labelled is None else labelled.table
    return _stamped((place.name, str(place)), [file.stem for file in files], load, rate_hz, mode, table)


def from_labelled(place: Path, dataset: PairDataset) -> Source:
    """The frames of a dataset that is open already, in its order."""
    return _labelled((place.resolve().name, str(place.resolve())), dataset, None, "order")


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
        return Frame(name, stamp_ns, *dataset.read(index), sample.image_path, sample.sequence)

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


class Stamped(NamedTuple):
    """position: index into the names given; stamp_ns: nanoseconds, above 0."""

    position: int
    stamp_ns: int


def frame_number(stem: str) -> tuple[str, int]:
    """The recording that an image comes from, and its number there, by the stem of its file.

    Stems are such as `0016E5_07959`, `0006R0_f00930`, `aachen_000000_000019_leftImg8bit`, `frame12`.

    Raises DatasetError for a name without a number.
    """
    match = re.fullmatch(r"(.*?)_?f?(\d+)(?:_leftImg8bit|_L)?", stem)
    if match is None:
        raise DatasetError(f"{stem!r} has no frame number at its end: stamp the frames by --stamps order")
    return match[1], int(match[2])


def stamps(stems: Sequence[str], rate_hz: float, mode: str) -> list[Stamped]:
    """Frames in time order with their stamps, all different and above 0 (a zero stamp means 'not set').

    number       frame number / rate; sequences in the order of their names, the first with its own numbers,
                 each next one beginning a second after the last frame
    order        1 / rate, 2 / rate, ... in the order given
    nanoseconds  the name is the stamp in nanoseconds
    """
    if not rate_hz > 0:
        raise DatasetError(f"a rate of {rate_hz} Hz: give one above 0")
    if mode == "order":
        return [Stamped(i, round((i + 1) * NS / rate_hz)) for i in range(len(stems))]
    numbered = sorted((frame_number(stem), position) for position, stem in enumerate(stems))
    for ((recording, number), _), (following, _) in pairwise(numbered):
        if (recording, number) == following:
            raise DatasetError(f"frame {number} of sequence {recording!r} is there twice: use --stamps order")
    if mode == "nanoseconds":
        return _above_zero([Stamped(position, number) for (_, number), position in numbered], 1)
    result: list[Stamped] = []
    offset, sequence = 0, None
    for (recording, number), position in numbered:
        stamp = round(number * NS / rate_hz)
        if sequence is not None and recording != sequence:
            offset = result[-1].stamp_ns + _GAP_NS - stamp
        sequence = recording
        result.append(Stamped(position, stamp + offset))
    return _above_zero(result, round(NS / rate_hz))


def _above_zero(stamped: list[Stamped], shift: int) -> list[Stamped]:
    if stamped and stamped[0].stamp_ns > 0:
        return stamped
    return [Stamped(s.position, s.stamp_ns + shift) for s in stamped]
