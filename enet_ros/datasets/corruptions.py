"""Corruptions: an effect or view at one severity, the same on every run, to measure what a model loses by it.

In the manner of ImageNet-C (Hendrycks and Dietterich 2019, arXiv 1903.12261): severities 1 to 5, seeds fixed.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np

from enet_ros.arrays import U8
from enet_ros.datasets.base import Pair
from enet_ros.datasets.effects import EFFECTS
from enet_ros.datasets.views import VIEWS
from enet_ros.errors import ConfigError

NAMES = (*EFFECTS, *VIEWS)
SEVERITIES = (1, 2, 3, 4, 5)
DEFAULT_SEVERITY = 3


class Corruption(NamedTuple):
    """One of NAMES at a severity of 1 to 5."""

    name: str
    severity: int = DEFAULT_SEVERITY

    @property
    def moves(self) -> bool:
        """Whether labels move with the pixels, so that the camera's calibration and pose no longer hold."""
        return self.name in VIEWS

    def __str__(self) -> str:
        return f"{self.name}:{self.severity}"

    def __call__(self, image: U8, labels: U8, index: int) -> Pair:
        """New arrays from (H, W, 3) uint8 RGB and (H, W) uint8; `index` is the frame's number, which seeds the draw."""
        rng = np.random.default_rng((zlib.crc32(self.name.encode()), self.severity, index))
        if self.moves:
            return VIEWS[self.name](image, labels, self.severity, rng)
        return EFFECTS[self.name](image, self.severity, rng), labels


def parse(text: str) -> tuple[Corruption, ...]:
    """`noise:4` or `noise` (severity 3): one. `all:3`: every one at severity 3. `all`: every one at every severity.

    Raises ConfigError for other texts.
    """
    name, _, severity = text.partition(":")
    severities = (int(severity),) if severity in map(str, SEVERITIES) else () if severity else SEVERITIES
    if not severities or name not in ("all", *NAMES):
        raise ConfigError(
            f"--corrupt {text}: use one of all, {', '.join(NAMES)}, and :1 to :5 behind it for a severity"
        )
    if name == "all":
        return tuple(Corruption(each, severity) for each in NAMES for severity in severities)
    return (Corruption(name, severities[0] if severity else DEFAULT_SEVERITY),)
