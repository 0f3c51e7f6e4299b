"""How a node does: the means of its enet_ros/Latency over half a second, also while none comes."""

from __future__ import annotations

import numpy as np

from enet_ros.msg import Latency
from enet_ros.viewer import Pulse
from enet_ros.viewer.scene import STAGES

PULSE_S = 0.5


class Heart:
    """Fed with every Latency of a node."""

    def __init__(self) -> None:
        self._since: list[Latency] = []
        self._last: Latency | None = None
        self._begun_s: float | None = None

    def beat(self, latency: Latency) -> None:
        """A frame has been answered."""
        self._since.append(latency)

    def pulse(self, now_s: float) -> Pulse | None:
        """Since the last one, at most one in PULSE_S, none before the first answer. now_s: monotonic."""
        if self._begun_s is None or (self._last is None and not self._since):
            self._begun_s = now_s
            return None
        seconds = now_s - self._begun_s
        if seconds < PULSE_S:
            return None
        beats, self._since, self._begun_s = self._since, [], now_s
        stages = np.array([[getattr(beat, f"{stage}_ms") for stage in STAGES] for beat in beats], np.float64)
        known = np.isfinite(stages.reshape(-1, len(STAGES)))
        with np.errstate(invalid="ignore"):
            means = np.where(known, stages.reshape(-1, len(STAGES)), 0.0).sum(0) / known.sum(0)
        before = self._last or (beats[0] if beats else None)
        self._last = beats[-1] if beats else self._last
        lost = [_grown(before, self._last, name) / seconds for name in ("dropped", "skipped", "failed")]
        return Pulse(means.tolist(), [len(beats) / seconds, *lost])


def _grown(before: Latency | None, now: Latency | None, name: str) -> int:
    """By how much a counter has grown; an activation begins anew at 0."""
    if before is None or now is None:
        return 0
    counts = [int(getattr(latency, f"frames_{name}")) for latency in (before, now)]
    return counts[1] - counts[0] if counts[1] >= counts[0] else counts[1]
