"""What a run left behind, as arrays over time: latency by stage, rate, free space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from enet_ros.errors import ConfigError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LatencySeries:
    """Where the time of each answered frame went.

    time_s    (N,) seconds since the run began, ascending
    total_ms  (N,) milliseconds from the image's stamp (or arrival) to its answer
    stages    S names in the order in which they run
    stage_ms  (N, S) milliseconds, NaN where a stage did not run or cannot be known

    ConfigError where the shapes do not fit together.
    """

    time_s: Floats
    total_ms: Floats
    stages: tuple[str, ...]
    stage_ms: Floats

    def __post_init__(self) -> None:
        """Check the shapes."""
        frames = len(self.time_s)
        if self.total_ms.shape != (frames,) or self.stage_ms.shape != (frames, len(self.stages)):
            raise ConfigError(
                f"latencies of {frames} frames and {len(self.stages)} stages have total {self.total_ms.shape} and "
                f"stages {self.stage_ms.shape}; use ({frames},) and ({frames}, {len(self.stages)})"
            )


@dataclass(frozen=True)
class RateSeries:
    """Frames a second over the run, in windows.

    start_s   (M,) seconds since the run began, where each window begins
    window_s  its length
    offered   (M,) frames offered to the node in the window
    answered  (M,) of these, answered
    """

    start_s: Floats
    window_s: float
    offered: npt.NDArray[np.int64]
    answered: npt.NDArray[np.int64]

    @classmethod
    def of_stamps(cls, offered_s: Floats, answered: npt.NDArray[np.bool_], window_s: float = 1.0) -> RateSeries:
        """From the time of each frame offered, (K,) seconds, and whether it was answered, (K,) bool."""
        if len(offered_s) == 0:
            nothing = np.zeros(0, np.int64)
            return cls(np.zeros(0), window_s, nothing, nothing)
        window = np.floor(offered_s / window_s).astype(np.int64)
        window -= window.min()
        count = int(window.max()) + 1
        start = float(np.floor(offered_s.min() / window_s)) * window_s
        return cls(
            start + window_s * np.arange(count, dtype=np.float64),
            window_s,
            np.bincount(window, minlength=count),
            np.bincount(window[answered], minlength=count),
        )

    @property
    def unanswered(self) -> npt.NDArray[np.int64]:
        """(M,) frames that were dropped, lost or failed."""
        return self.offered - self.answered


@dataclass(frozen=True)
class FreeSpaceSeries:
    """Free space over the run.

    time_s       (N,) seconds since the run began
    bearing_rad  (W,) radians about z of the base frame, positive to the left (REP-103)
    range_m      (N, W) metres to the boundary in that direction, NaN where unknown

    ConfigError where the shapes do not fit together.
    """

    time_s: Floats
    bearing_rad: Floats
    range_m: Floats

    def __post_init__(self) -> None:
        """Check the shapes."""
        if self.range_m.shape != (len(self.time_s), len(self.bearing_rad)):
            raise ConfigError(
                f"free space has ranges {self.range_m.shape}; use ({len(self.time_s)}, {len(self.bearing_rad)})"
            )

    def ahead_m(self, half_angle_rad: float = np.radians(3.0)) -> Floats:
        """(N,) metres: the shortest range within 3 degrees of straight ahead; NaN where none is known."""
        ahead = np.abs(self.bearing_rad) <= half_angle_rad
        if not ahead.any():
            return np.full(len(self.time_s), np.nan)
        shortest: Floats = np.fmin.reduce(self.range_m[:, ahead], axis=1)
        return shortest
