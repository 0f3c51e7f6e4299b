"""CamVid (Brostow et al. 2009): 701 labelled frames from Cambridge, as 11 classes, in both layouts in use.

480x360  `train` and `trainannot`, `val` and `valannot`, `test` and `testannot`: the SegNet tutorial's layout,
         grey labels 0-10, void 11
960x720  `701_StillsRaw_full` and `LabeledApproved_full`: the original, labels `NAME_L.png` in 32 colours
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy.typing as npt

from enet_ros.arrays import U8
from enet_ros.classes import CAMVID, VOID
from enet_ros.datasets.base import PairDataset, paired
from enet_ros.datasets.labels import Color, ColorLabels, IdLabels, ids_of
from enet_ros.errors import DatasetError

_GROUPS: dict[str, tuple[Color, ...]] = {
    "sky": ((128, 128, 128),),
    "building": (
        (128, 0, 0),  # Building
        (0, 128, 64),  # Bridge
        (64, 192, 0),  # Wall
        (64, 0, 64),  # Tunnel
        (192, 0, 128),  # Archway
    ),
    "pole": (
        (192, 192, 128),  # Column_Pole
        (0, 0, 64),  # TrafficCone
    ),
    "road": (
        (128, 64, 128),  # Road
        (128, 0, 192),  # LaneMkgsDriv
        (192, 0, 64),  # LaneMkgsNonDriv
    ),
    "pavement": (
        (0, 0, 192),  # Sidewalk
        (64, 192, 128),  # ParkingBlock
        (128, 128, 192),  # RoadShoulder
    ),
    "tree": (
        (128, 128, 0),  # Tree
        (192, 192, 0),  # VegetationMisc
    ),
    "sign": (
        (192, 128, 128),  # SignSymbol
        (128, 128, 64),  # Misc_Text
        (0, 64, 64),  # TrafficLight
    ),
    "fence": ((64, 64, 128),),
    "car": (
        (64, 0, 128),  # Car
        (64, 128, 192),  # SUVPickupTruck
        (192, 128, 192),  # Truck_Bus
        (192, 64, 128),  # Train
        (128, 64, 64),  # OtherMoving
    ),
    "pedestrian": (
        (64, 64, 0),  # Pedestrian
        (192, 128, 64),  # Child
        (64, 0, 192),  # CartLuggagePram
        (64, 128, 64),  # Animal
    ),
    "bicyclist": (
        (0, 128, 192),  # Bicyclist
        (192, 0, 192),  # MotorcycleScooter
    ),
}
"""The grouping of the 32 label colours into 11 classes that SegNet and its successors report on."""

COLORS: dict[Color, int] = {
    (0, 0, 0): VOID,
    **{color: CAMVID.index(name) for name, colors in _GROUPS.items() for color in colors},
}

_GREY = IdLabels(ids_of(CAMVID.num_classes, void=(11, VOID)))
_PAINTED = ColorLabels(COLORS)


def sequence_of(name: str) -> str:
    """The recording of a frame: `0001TP`, `0006R0`, `0016E5` or `Seq05VD`; "" for other names."""
    match = re.fullmatch(r"(.+)_f?\d+", name)
    return match[1] if match else ""


def split_of(name: str) -> str:
    """The split of an original frame by its name, as the SegNet tutorial lists them: 367, 101 and 233 frames.

    `val` is the 15 Hz part of 0016E5; `test` is Seq05VD and the second half of 0001TP.
    """
    match = re.fullmatch(r"(.+)_f?(\d+)", name)
    if match is None:
        raise DatasetError(f"{name!r} is not the name of a CamVid frame, such as 0006R0_f00930")
    sequence, frame = match[1], int(match[2])
    if sequence == "Seq05VD" or (sequence == "0001TP" and frame >= 8550):
        return "test"
    return "val" if sequence == "0016E5" and 7959 <= frame <= 8159 else "train"


def pairs(images: Path, labels: Path) -> PairDataset:
    """CamVid frames of one folder with the labels of another, in either form. Raises DatasetError."""

    def decode(raw: npt.NDArray[Any], path: Path) -> U8:
        return _PAINTED(raw, path) if raw.ndim == 3 else _GREY(raw, path)

    stems = lambda stem: (stem, f"{stem}_L")  # noqa: E731
    return paired(CAMVID, decode, images, labels, label_stems=stems, sequence_of=sequence_of)


def camvid(root: Path, split: str) -> PairDataset:
    """A split of CamVid in whichever layout `root` has.

    Raises DatasetError naming the first image without a label, or what is missing where `root` has neither.
    """
    if (root / split).is_dir():
        return pairs(root / split, root / f"{split}annot")
    stills = root / "701_StillsRaw_full"
    if stills.is_dir():
        whole = pairs(stills, root / "LabeledApproved_full")
        return whole.select(lambda sample: split_of(sample.name) == split)
    raise DatasetError(f"{root} has neither {split}/ (480x360) nor 701_StillsRaw_full/ (960x720)")
