"""Calibration: is a confidence of 80 % right 80 % of the time? (Guo et al. 2017, arXiv 1706.04599)"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from enet_ros.arrays import I64, U8
from enet_ros.classes import VOID
from enet_ros.errors import ConfigError, DatasetError


class ReliabilityBin(NamedTuple):
    """Pixels whose confidence lies in (low, high]: how sure they were on average, and how many were right.

    confidence and accuracy are 0..1, NaN in an empty bin.
    """

    low: float
    high: float
    pixels: int
    confidence: float
    accuracy: float


class Calibration:
    """Hits and totals for each of the 256 values of an 8-bit confidence (round(255 * p_max)).

    As in ConfusionMatrix, pixels whose truth is void are left out and a prediction of void is wrong.
    """

    def __init__(self) -> None:
        self.totals: I64 = np.zeros(256, np.int64)
        self.hits: I64 = np.zeros(256, np.int64)

    def add(self, truth: U8, predicted: U8, confidence: U8) -> None:
        """Count a frame, all three (H, W) uint8; DatasetError where the shapes differ."""
        if not truth.shape == predicted.shape == confidence.shape:
            raise DatasetError(
                f"truth {truth.shape}, prediction {predicted.shape} and confidence {confidence.shape} "
                "must have one size"
            )
        self.totals += np.bincount(confidence[truth != VOID], minlength=256)
        self.hits += np.bincount(confidence[(truth == predicted) & (truth != VOID)], minlength=256)

    def __iadd__(self, other: Calibration) -> Calibration:
        """Add another's counts."""
        self.totals += other.totals
        self.hits += other.hits
        return self

    def reliability(self, bins: int = 15) -> tuple[ReliabilityBin, ...]:
        """The reliability diagram in `bins` of equal width; ConfigError unless 1 <= bins <= 255."""
        if not 1 <= bins <= 255:
            raise ConfigError(f"{bins} bins cannot hold an 8-bit confidence; use 1..255")
        values = np.arange(256)
        # (low, high] as in Guo et al.; zero joins the first bin; integers lose no edge to rounding
        owner = np.maximum(-(-values * bins // 255) - 1, 0)
        rows = []
        for index in range(bins):
            inside = owner == index
            pixels = int(self.totals[inside].sum())
            sure = float((self.totals * values)[inside].sum()) / 255.0
            rows.append(
                ReliabilityBin(
                    low=index / bins,
                    high=(index + 1) / bins,
                    pixels=pixels,
                    confidence=sure / pixels if pixels else float("nan"),
                    accuracy=float(self.hits[inside].sum()) / pixels if pixels else float("nan"),
                )
            )
        return tuple(rows)

    def ece(self, bins: int = 15) -> float:
        """Expected calibration error 0..1: mean gap between confidence and accuracy, weighted by pixels."""
        rows = [row for row in self.reliability(bins) if row.pixels]
        pixels = sum(row.pixels for row in rows)
        if not pixels:
            return float("nan")
        return sum(row.pixels * abs(row.accuracy - row.confidence) for row in rows) / pixels
