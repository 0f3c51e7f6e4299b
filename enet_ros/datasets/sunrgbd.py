"""SUN RGB-D (Song et al. 2015): 10335 indoor frames in 37 classes, as the sunrgbd-meta-data project has it.

`SUNRGBD-train_images/img-000001.jpg` to 005285, `SUNRGBD-test_images/img-000001.jpg` to 005050, and for
both `sunrgbd_train_test_labels/img-000001.png` to 010335, where test comes first: the label of training
image n has the number n + 5050. Labels are 1-37, void 0.
"""

from __future__ import annotations

import re
from pathlib import Path

from enet_ros.classes import SUNRGBD
from enet_ros.datasets.base import PairDataset, paired
from enet_ros.datasets.labels import IdLabels, ids_of

_TEST_FRAMES, _TRAIN_FRAMES = 5050, 5285


def pairs(images: Path, labels: Path) -> PairDataset:
    """Frames of one folder with the labels of another. Raises DatasetError.

    Where `images` is the training folder and `labels` holds the whole dataset's, numbers are shifted by
    the 5050 test frames; otherwise a label has its image's number.
    """
    whole = (labels / f"img-{_TEST_FRAMES + _TRAIN_FRAMES:06d}.png").is_file()
    shift = _TEST_FRAMES if whole and "train" in images.name.lower() else 0

    def label_stems(stem: str) -> tuple[str, str]:
        if shift and (match := re.fullmatch(r"img-(\d{6})", stem)):
            stem = f"img-{int(match[1]) + shift:06d}"
        return stem, stem.replace("img-", "img37labels-")

    decoder = IdLabels(ids_of(SUNRGBD.num_classes, void=(0,), first=1))
    return paired(SUNRGBD, decoder, images, labels, label_stems=label_stems)


def sunrgbd(root: Path, split: str) -> PairDataset:
    """A split of SUN RGB-D. DatasetError names the first image without a label."""
    return pairs(root / f"SUNRGBD-{split}_images", root / "sunrgbd_train_test_labels")
