"""Latencies and free space of a running node by stamp, kept as small as a report needs them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from enet_ros.report import FreeSpaceSeries, LatencySeries
from enet_ros.stamps import stamp_ns

STAGES = ("transport", "queue", "decode", "preprocess", "infer", "postprocess", "publish")
_COLUMNS = 96
"""Directions kept of a frame's free space: more than a chart can show."""


class RunRecord:
    """A segmentation node's ~/latency and ~/free_space, by stamp."""

    def __init__(self) -> None:
        self.total_ms: dict[int, float] = {}
        """Image stamp -> published answer, as the node measured it, by stamp."""
        self._stages: dict[int, list[float]] = {}
        self._free: dict[int, np.ndarray] = {}
        self._bearing = np.zeros(0)

    def add_latency(self, message: Any) -> None:
        """Keep an enet_ros/Latency."""
        stamp = stamp_ns(message.header.stamp)
        self.total_ms[stamp] = float(message.total_ms)
        self._stages[stamp] = [getattr(message, f"{stage}_ms") for stage in STAGES]

    def add_free_space(self, message: Any) -> None:
        """Keep the metres of an enet_ros/FreeSpace, if it has any."""
        if not len(message.range):  # no calibration: no metres
            return
        step = max(1, math.ceil(len(message.range) / _COLUMNS))
        bearing = np.asarray(message.bearing, np.float64)[::step]
        if not self._free or len(bearing) == len(self._bearing):
            # a column without an answer has no bearing in this frame, but has one in others
            known = np.isnan(self._bearing) if self._free else np.ones(len(bearing), bool)
            self._bearing = np.where(known, bearing, self._bearing) if self._free else bearing
            self._free[stamp_ns(message.header.stamp)] = np.asarray(message.range, np.float32)[::step]

    def stage_ms(self) -> dict[str, list[float]]:
        """Milliseconds of every frame by stage, NaN where unknown."""
        columns = zip(*self._stages.values(), strict=True) if self._stages else ([] for _ in STAGES)
        return {stage: list(values) for stage, values in zip(STAGES, columns, strict=True)}

    def latency(self, stamps_ns: Sequence[int], time_s: np.ndarray, total_ms: np.ndarray) -> LatencySeries:
        """The stages of the frames with these stamps, NaN for those whose account did not arrive.

        time_s, total_ms: (N,) float64 of the same frames, as the caller measured them.
        """
        unknown = [math.nan] * len(STAGES)
        stage_ms = np.array([self._stages.get(stamp, unknown) for stamp in stamps_ns], np.float64)
        return LatencySeries(time_s, total_ms, STAGES, stage_ms.reshape(len(stamps_ns), len(STAGES)))

    def free_space(self, stamps_ns: Sequence[int], time_s: np.ndarray) -> FreeSpaceSeries | None:
        """Free space of the frames with these stamps; None where the node published no metres."""
        known = np.isfinite(self._bearing)
        if not known.any():
            return None
        unknown = np.full(len(self._bearing), np.nan, np.float32)
        range_m = np.stack([self._free.get(stamp, unknown) for stamp in stamps_ns]).astype(np.float64)
        order = np.argsort(self._bearing[known])[::-1]
        return FreeSpaceSeries(time_s, self._bearing[known][order], range_m[:, known][:, order])
