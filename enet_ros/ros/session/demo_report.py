"""The demo's page: latency by stage, rate, what the network saw, and free space, with nothing to load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from enet_ros.classes import VOID
from enet_ros.report import EvenSample, RateSeries, RunPage, Still
from enet_ros.ros.session.live_report import STILLS, class_table, model_facts
from enet_ros.ros.session.run_record import RunRecord
from enet_ros.stamps import stamp_ns


class DemoPage:
    """Collects what the page shows while the demo runs."""

    def __init__(self) -> None:
        self.record = RunRecord()
        self._total_ms: dict[int, float] = {}
        self._overlays: EvenSample[tuple[int, Still]] = EvenSample(STILLS)

    def add_latency(self, message: Any) -> None:
        """An enet_ros/Latency."""
        self._total_ms[stamp_ns(message.header.stamp)] = float(message.total_ms)
        self.record.add_latency(message)

    def add_overlay(self, stamp_ns: int, name: str, overlay: npt.NDArray[np.uint8]) -> None:
        """(H, W, 3) uint8 RGB, the classes painted over the camera image already."""
        if self._overlays.wants():
            nothing_more = np.full(overlay.shape[:2], VOID, np.uint8)
            self._overlays.add((stamp_ns, Still(name, "", overlay, nothing_more).reduced()))

    def page(self, sent: Mapping[int, str], info: Any, source: str) -> RunPage:
        """sent: name by stamp of every picture, in order. info: the node's SegmentationInfo."""
        stamps = list(sent)
        first_ns = stamps[0] if stamps else 0
        time_s = np.array([(stamp - first_ns) / 1e9 for stamp in stamps], np.float64)
        answered = np.array([stamp in self._total_ms for stamp in stamps], bool)
        answers = [stamp for stamp in stamps if stamp in self._total_ms]
        total_ms = np.array([self._total_ms[stamp] for stamp in answers], np.float64)
        stills = (
            still._replace(caption=f"{still.name}, {(stamp - first_ns) / 1e9:.2f} s")
            for stamp, still in self._overlays.entries
        )
        return RunPage(
            kind="enet_ros demo",
            title=f"{info.model} on {source}",
            lede=f"{len(stamps)} pictures sent over DDS, each when the last was answered; latency is from an image's "
            "stamp to its answers published.",
            table=class_table(info, tuple(info.class_names)),
            latency=self.record.latency(answers, time_s[answered], total_ms),
            rate=RateSeries.of_stamps(time_s, answered),
            stills=tuple(stills),
            free_space=self.record.free_space(answers, time_s[answered]) if answers else None,
            facts=(*model_facts(info), ("source", source)),
        )
