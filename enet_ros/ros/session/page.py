"""What the pages of the demo and of live evaluation have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from enet_ros.classes import ClassTable, table_with
from enet_ros.report import RateSeries, RunPage
from enet_ros.ros.session.collector import RunRecord
from enet_ros.ros.session.session import Sent
from enet_ros.stamps import NS

STILLS = 15
"""Most pictures of a filmstrip."""


def run_page_of(sent: Mapping[int, Sent], total_ms: Mapping[int, float], record: RunRecord, **shown: Any) -> RunPage:
    """The page of a run. total_ms: of the images that were answered, by stamp. shown: the other fields of RunPage."""
    stamps = list(sent)
    time_s = np.array([seconds(sent, stamp) for stamp in stamps], np.float64)
    answered = np.array([stamp in total_ms for stamp in stamps], bool)
    answers = [stamp for stamp in stamps if stamp in total_ms]
    return RunPage(
        latency=record.latency(answers, time_s[answered], np.array([total_ms[stamp] for stamp in answers], np.float64)),
        rate=RateSeries.of_stamps(time_s, answered),
        free_space=record.free_space(answers, time_s[answered]) if answers else None,
        **shown,
    )


def seconds(sent: Mapping[int, Sent], stamp_ns: int) -> float:
    """When an image was sent, since the first one."""
    first = next(iter(sent.values()))
    return (sent[stamp_ns].at_ns - first.at_ns) / NS


def class_table(info: Any, names: tuple[str, ...]) -> ClassTable:
    """The built-in table of these names, else the colours of the node's SegmentationInfo put in their order."""
    if table := table_with(names):
        return table
    colors = {name: tuple(info.class_colors[3 * i : 3 * i + 3]) for i, name in enumerate(info.class_names)}
    drivable = {info.class_names[index] for index in info.drivable} & set(names)
    chosen = tuple((int(r), int(g), int(b)) for r, g, b in (colors.get(name, (0, 0, 0)) for name in names))
    return ClassTable(info.class_table, names, chosen, frozenset(drivable))


def model_facts(info: Any) -> tuple[tuple[str, str], ...]:
    """What a node says of itself on ~/info, for a page's last section."""
    engine = f"{info.engine} ({info.runtime}) on {info.device}, {info.precision}"
    return (
        ("model", info.model),
        ("digest", info.model_digest),
        ("license", info.model_license),
        ("engine", f"{engine}, {info.network_width}x{info.network_height}"),
    )
