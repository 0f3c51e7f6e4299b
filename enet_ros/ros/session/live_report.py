"""The page of `enet_ros evaluate --live --report`: latency, rate, scores and pictures of a node under test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from enet_ros.classes import TABLES, ClassTable
from enet_ros.frames.bag import LabelledBag
from enet_ros.metrics import Scorer
from enet_ros.products.images import nearest
from enet_ros.report import EvenSample, RateSeries, RunPage, Still, run_page
from enet_ros.ros.session.live_score import Masks
from enet_ros.ros.session.run_record import RunRecord

STILLS = 15
"""Most pictures of a filmstrip."""


@dataclass(frozen=True, eq=False)
class LiveRun:
    """A measurement's raw material.

    sent_ns, masks.arrived_ns: monotonic clock by stamp. to_truth: (256,) uint8, node's ids to the truth's.
    names: of the truth's ids. info: the node's SegmentationInfo.
    """

    bag: LabelledBag
    names: tuple[str, ...]
    masks: Masks
    sent_ns: Mapping[int, int]
    to_truth: np.ndarray
    info: Any
    record: RunRecord


def write_report(path: Path, run: LiveRun) -> None:
    """Write the page. Reads the bag once more, for the pictures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(run_page(live_page(run)), encoding="utf-8")


def live_page(run: LiveRun) -> RunPage:
    """What the page shows."""
    arrived, info = run.masks.arrived_ns, run.info
    stamps = list(run.sent_ns)
    sent_ns = np.array([run.sent_ns[stamp] for stamp in stamps], np.int64)
    time_s = (sent_ns - sent_ns[0]) / 1e9 if len(stamps) else np.zeros(0)
    answered = np.array([stamp in arrived for stamp in stamps], bool)
    answers = [stamp for stamp in stamps if stamp in arrived]
    total_ms = np.array([(arrived[stamp] - run.sent_ns[stamp]) / 1e6 for stamp in answers], np.float64)
    table = class_table(run.info, run.names)
    scorer = Scorer(table)
    stills = _score(run, scorer, table)
    place = run.bag.reader.path
    return RunPage(
        kind="enet_ros evaluate --live",
        title=f"{info.model} on {Path(place).name}",
        lede=f"{len(stamps)} images played into the running node; latency is from an image's publication to its mask.",
        table=table,
        latency=run.record.latency(answers, time_s[answered], total_ms),
        rate=RateSeries.of_stamps(time_s, answered),
        scores=scorer.scores() if stills else None,
        stills=stills,
        free_space=run.record.free_space(answers, time_s[answered]) if answers else None,
        facts=(
            *model_facts(info),
            ("bag", str(place)),
            ("images", run.bag.image_topic.name),
            ("ground truth", run.bag.truth_topic.name),
        ),
    )


def _score(run: LiveRun, scorer: Scorer, table: ClassTable) -> tuple[Still, ...]:
    """Score every answered frame that has a truth; an even sample of them to show."""
    stills: EvenSample[Still] = EvenSample(STILLS)
    first_ns: int | None = None
    for frame in run.bag:
        first_ns = frame.stamp_ns if first_ns is None else first_ns
        mask = run.masks.get(frame.stamp_ns) if frame.stamp_ns in run.sent_ns else None
        if mask is None or frame.truth is None:
            continue
        labels = run.to_truth[nearest(mask, frame.truth.shape)]
        scorer.add(frame.name, frame.truth, labels)
        if stills.wants():
            caption = f"{(frame.stamp_ns - first_ns) / 1e9:.2f} s"
            stills.add(Still(frame.name, caption, frame.rgb, labels, frame.truth).reduced())
    return tuple(stills.entries)


def class_table(info: Any, names: tuple[str, ...]) -> ClassTable:
    """The built-in table of these names, else the colours of the node's SegmentationInfo put in their order."""
    for table in TABLES.values():
        if table.names == names:
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
