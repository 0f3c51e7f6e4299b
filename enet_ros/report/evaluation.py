"""The report of `enet_ros evaluate`: scores, and the frames that explain them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.classes import ClassTable
from enet_ros.figures import percent
from enet_ros.metrics import FrameScore, Scores
from enet_ros.report.page import Stat, render
from enet_ros.report.pictures import EvenSample, Still, comparison, legend
from enet_ros.report.scores import score_stats, score_view

_KEPT = 64


class Chosen(NamedTuple):
    """The frames a report shows."""

    worst: tuple[Still, ...] = ()
    median: tuple[Still, ...] = ()


class Gallery:
    """Keeps, out of any number of frames, the worst few and an even sample to find the median in.

    Memory is bounded: at most 64 frames of 480 pixels width beside the worst. Up to 64 frames, the median is exact.
    """

    def __init__(self, worst: int = 4, median: int = 2) -> None:
        self._worst: list[tuple[float, Still]] = []
        self._sample: EvenSample[tuple[float, Still]] = EvenSample(_KEPT)
        self._counts = (worst, median)
        self._all: list[float] = []

    def add(self, image: U8, truth: U8, labels: U8, score: FrameScore) -> None:
        """Look at a frame: (H, W, 3) uint8 RGB and two (H, W) uint8; copied if kept."""
        if math.isnan(score.miou):
            return
        self._all.append(score.miou)
        sampled = self._sample.wants()
        bad = len(self._worst) < self._counts[0] or score.miou < self._worst[-1][0]
        if not (sampled or bad):
            return
        caption = f"mIoU {percent(score.miou)} %, {percent(score.pixel_accuracy)} % of pixels right"
        still = Still(score.name, caption, image, labels, truth).reduced()
        if bad:
            self._worst = sorted([*self._worst, (score.miou, still)], key=lambda entry: entry[0])
            del self._worst[self._counts[0] :]
        if sampled:
            self._sample.add((score.miou, still))

    def chosen(self) -> Chosen:
        """The worst frames, worst first, and those nearest to the median mIoU."""
        if not self._all:
            return Chosen()
        middle = float(np.median(self._all))
        near = sorted(self._sample.entries, key=lambda entry: abs(entry[0] - middle))[: self._counts[1]]
        return Chosen(tuple(still for _, still in self._worst), tuple(still for _, still in near))


@dataclass(frozen=True)
class EvaluationPage:
    """Content of the report of an evaluation.

    source        what the model was judged on, shown in full among the facts
    name          the same in short, for the title
    engine        what ran it, as text
    frames_per_s  of inference alone; NaN leaves the figure out
    settings      further (name, value) facts
    """

    card: ModelCard
    scores: Scores
    source: str
    name: str
    engine: str
    frames_per_s: float
    chosen: Chosen
    settings: tuple[tuple[str, str], ...] = ()


def evaluation_page(content: EvaluationPage) -> str:
    """The report as one HTML document."""
    card, scores = content.card, content.scores
    stats = list(score_stats(scores))
    if not math.isnan(content.frames_per_s):
        stats.append(Stat("inference", f"{content.frames_per_s:.1f}", "frames/s"))
    facts = (
        ("model", card.name),
        ("digest", card.digest),
        ("license", card.license),
        ("provenance", card.provenance),
        ("engine", content.engine),
        ("judged on", content.source),
        ("classes", f"{scores.table.name}: {', '.join(scores.table.names)}"),
        ("frames", f"{len(scores.frames)}, {scores.confusion.pixels} labelled pixels"),
        (
            f"within {scores.boundary.radius} px of a boundary",
            f"mIoU {percent(scores.boundary.miou())} %, F1 of the boundaries {percent(scores.boundary.f1())} %",
        ),
        *content.settings,
    )
    lede = f"{len(scores.frames)} frames, compared with their labels at full size; void pixels left out."
    return render(
        "evaluation.html",
        kind="enet_ros evaluation",
        title=f"{card.name} on {content.name}",
        lede=lede,
        stats=stats,
        facts=facts,
        scores=score_view(scores),
        legend=legend(scores.table),
        worst=[_frame(still, scores.table) for still in content.chosen.worst],
        median=[_frame(still, scores.table) for still in content.chosen.median],
    )


def _frame(still: Still, table: ClassTable) -> tuple[str, str, tuple[tuple[str, U8], ...]]:
    """Name, caption and pictures of a frame."""
    return still.name, still.caption, comparison(still, table)
