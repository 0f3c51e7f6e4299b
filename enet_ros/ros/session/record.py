"""What a session records of a run, by the stamps of the images, and the page made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from enet_ros.arrays import F32, F64
from enet_ros.classes import ClassTable, table_with
from enet_ros.report import FreeSpaceSeries, LatencySeries, RateSeries, RunPage
from enet_ros.stamps import NS, stamp_ns

STAGES = ("transport", "queue", "decode", "preprocess", "infer", "postprocess", "publish")
STILLS = 15
"""Most pictures of a page's filmstrip."""
_COLUMNS = 96
"""Directions kept of a frame's free space: more than a chart can show."""


class Sent(NamedTuple):
    """An image that was published. at_ns: when, by the monotonic clock."""

    name: str
    at_ns: int


class RunRecord:
    """The images sent, and the node's ~/info, ~/latency and ~/free_space, kept as small as a page needs them."""

    def __init__(self) -> None:
        self.info: Any = None
        """The node's SegmentationInfo, the last; None until it has come."""
        self.exchanges: list[str] = []
        """What network took the place of which, after the first image: figures are of all of them."""
        self.reclassified = False
        """Whether one of these gave the ids of masks another meaning."""
        self._earlier: list[Any] = []
        self.sent: dict[int, Sent] = {}
        """By stamp, in the order of sending."""
        self.total_ms: dict[int, float] = {}
        """From an image's stamp to its answers published, as the node measured it; by stamp."""
        self._stages: dict[int, list[float]] = {}
        self._free: dict[int, F32] = {}
        self._bearing: F64 = np.zeros(0)

    def add_info(self, message: Any) -> None:
        """Keep an enet_ros/SegmentationInfo."""
        before, self.info = self.info, message
        if not self.sent or before is None or _identity(before) == _identity(message):
            return
        self._earlier.append(before)
        self.exchanges.append(f"{_named(before)} by {_named(message)}, after {len(self.sent)} images")
        self.reclassified |= list(before.class_names) != list(message.class_names)

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
        if not self._free:
            self._bearing = bearing
        if len(bearing) == len(self._bearing):
            # a column without an answer has no bearing in this frame, but has one in others
            self._bearing = np.where(np.isnan(self._bearing), bearing, self._bearing)
            self._free[stamp_ns(message.header.stamp)] = np.asarray(message.range, np.float32)[::step]

    @property
    def models(self) -> str:
        """The names of those that answered, in their order."""
        return ", then ".join(info.model for info in (*self._earlier, self.info))

    def stage_ms(self) -> dict[str, list[float]]:
        """Milliseconds of every frame by stage, NaN where unknown."""
        return {stage: [values[i] for values in self._stages.values()] for i, stage in enumerate(STAGES)}

    def latency(self, stamps_ns: Sequence[int], time_s: F64, total_ms: F64) -> LatencySeries:
        """The stages of the frames with these stamps, NaN for those whose enet_ros/Latency did not arrive.

        time_s, total_ms: (N,) float64 of the same frames, as the caller measured them.
        """
        unknown = [math.nan] * len(STAGES)
        stage_ms = np.array([self._stages.get(stamp, unknown) for stamp in stamps_ns], np.float64)
        return LatencySeries(time_s, total_ms, STAGES, stage_ms.reshape(len(stamps_ns), len(STAGES)))

    def free_space(self, stamps_ns: Sequence[int], time_s: F64) -> FreeSpaceSeries | None:
        """Free space of the frames with these stamps; None where the node published no metres."""
        known = np.isfinite(self._bearing)
        if not known.any() or not stamps_ns:
            return None
        unknown = np.full(len(self._bearing), np.nan, np.float32)
        range_m = np.stack([self._free.get(stamp, unknown) for stamp in stamps_ns]).astype(np.float64)
        order = np.argsort(self._bearing[known])[::-1]
        return FreeSpaceSeries(time_s, self._bearing[known][order], range_m[:, known][:, order])

    def seconds(self, stamp_ns: int) -> float:
        """When an image was sent, since the first one."""
        return (self.sent[stamp_ns].at_ns - next(iter(self.sent.values())).at_ns) / NS

    def page(self, total_ms: Mapping[int, float], facts: tuple[tuple[str, str], ...], **shown: Any) -> RunPage:
        """The page of the run.

        total_ms: of the images that were answered, by stamp. facts: beside those of the model. shown: the other fields
        of RunPage.
        """
        time_s = np.array([self.seconds(stamp) for stamp in self.sent], np.float64)
        answered = np.array([stamp in total_ms for stamp in self.sent], bool)
        stamps = [stamp for stamp in self.sent if stamp in total_ms]
        return RunPage(
            latency=self.latency(stamps, time_s[answered], np.array([total_ms[s] for s in stamps], np.float64)),
            rate=RateSeries.of_stamps(time_s, answered),
            free_space=self.free_space(stamps, time_s[answered]),
            facts=(*self._model_facts(), *facts),
            **shown,
        )

    def class_table(self, names: tuple[str, ...]) -> ClassTable:
        """The built-in table of these names, else the node's colours put in their order."""
        if table := table_with(names):
            return table
        info = self.info
        colors = {name: tuple(info.class_colors[3 * i : 3 * i + 3]) for i, name in enumerate(info.class_names)}
        drivable = {info.class_names[index] for index in info.drivable} & set(names)
        chosen = tuple((int(r), int(g), int(b)) for r, g, b in (colors.get(name, (0, 0, 0)) for name in names))
        return ClassTable(info.class_table, names, chosen, frozenset(drivable))

    def _model_facts(self) -> tuple[tuple[str, str], ...]:
        facts: list[tuple[str, str]] = []
        for info in (*self._earlier, self.info):
            engine = f"{info.engine} ({info.runtime}) on {info.device}, {info.precision}"
            facts += [
                ("model", info.model),
                ("digest", info.model_digest),
                ("license", info.model_license),
                ("engine", f"{engine}, {info.network_width}x{info.network_height}"),
            ]
        return (*facts, *(("exchanged", text) for text in self.exchanges))


def _identity(info: Any) -> tuple[int, str]:
    """Differs between two networks of a SegmentationInfo's node, and of one that was started again."""
    return info.model_number, info.model_digest


def _named(info: Any) -> str:
    return f"{info.model} ({info.model_digest[:12]}, {info.engine} {info.precision})"
