"""What a labelled dataset is: a class table, named samples, and arrays on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from enet_ros.arrays import U8
from enet_ros.classes import ClassTable
from enet_ros.datasets.files import find_images, find_label, read_image, read_raw_label
from enet_ros.datasets.labels import LabelDecoder
from enet_ros.errors import DatasetError

Pair = tuple[U8, U8]
"""image (H, W, 3) uint8 RGB and labels (H, W) uint8, void 255"""


class Sample(NamedTuple):
    """One labelled frame. `sequence` is the recording it comes from, "" where that is not known."""

    name: str
    image_path: Path
    label_path: Path
    sequence: str = ""


class PairDataset:
    """A dataset of image files and label files, read when asked for and checked as they are read."""

    def __init__(self, table: ClassTable, samples: tuple[Sample, ...], decoder: LabelDecoder) -> None:
        """Raises DatasetError where there is no sample."""
        if not samples:
            raise DatasetError(f"this {table.name!r} dataset has no frame; check the folder and the split")
        self.table = table
        self.samples = samples
        self._decoder = decoder

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, index: int) -> Pair:
        """image (H, W, 3) uint8 RGB, labels (H, W) uint8 with void 255.

        Raises DatasetError, naming the file, where one is missing or unreadable, the sizes differ, or a label
        value has no meaning in the class table.
        """
        sample = self.samples[index]
        image = read_image(sample.image_path)
        labels = self._decoder(read_raw_label(sample.label_path), sample.label_path)
        if image.shape[:2] != labels.shape:
            raise DatasetError(
                f"{sample.image_path} is {image.shape[1]}x{image.shape[0]} pixels but its label "
                f"{sample.label_path} is {labels.shape[1]}x{labels.shape[0]}; they must have one size"
            )
        return image, labels

    def select(self, keep: Callable[[Sample], bool]) -> PairDataset:
        """The samples that `keep` accepts, e.g. `lambda s: s.sequence != "0001TP"`; DatasetError if none."""
        return PairDataset(self.table, tuple(s for s in self.samples if keep(s)), self._decoder)


def paired(
    table: ClassTable,
    decoder: LabelDecoder,
    images: Path,
    labels: Path,
    *,
    label_stems: Callable[[str], Sequence[str]] = lambda stem: (stem,),
    image_suffix: str = "",
    sequence_of: Callable[[str], str] = lambda name: "",
) -> PairDataset:
    """The images below one folder, each with its label in the same subfolder of another.

    label_stems   stem of an image, without `image_suffix` -> the stems that its label may have
    image_suffix  end of the images' stems, which is no part of a sample's name
    sequence_of   name of a sample -> its `sequence`
    Raises DatasetError naming the first image without a label.
    """
    samples = []
    for path in find_images(images):
        name = path.stem.removesuffix(image_suffix)
        samples.append(Sample(name, path, find_label(path, images, labels, label_stems(name)), sequence_of(name)))
    return PairDataset(table, tuple(samples), decoder)
