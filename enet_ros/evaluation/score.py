"""Score a model on a source of labelled frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.errors import ConfigError
from enet_ros.evaluation.metres import MetricScores, StreetJudge
from enet_ros.evaluation.predict import predict
from enet_ros.frames import Frame, Source
from enet_ros.metrics import FrameScore, Scorer, Scores

if TYPE_CHECKING:
    from enet_ros.engines.base import Engine, EngineInfo


class Evaluation(NamedTuple):
    """A model's scores on a source.

    metres        errors of free space and grid, where a judge of them was given
    frames_per_s  of inference alone
    """

    card: ModelCard
    engine: EngineInfo
    source: Source
    scores: Scores
    metres: MetricScores | None
    frames_per_s: float

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, fractions 0..1; docs/evaluation.md lists the keys."""
        return {
            "model": self.card.name,
            "digest": self.card.digest,
            "classes": self.scores.table.name,
            "engine": self.engine.name,
            "precision": self.engine.precision,
            "size": list(self.engine.size),
            **self.scores.to_dict(),
            **({} if self.metres is None else self.metres._asdict()),
        }


def evaluate(
    source: Source,
    engine: Engine,
    card: ModelCard,
    judge: StreetJudge | None = None,
    seen: Callable[[Frame, U8, FrameScore], None] = lambda frame, labels, score: None,
    caution: float = 0.0,
) -> Evaluation:
    """All frames of a source through an engine, the labels compared with the truth; `judge` judges metres as well.

    caution: as in `enet_ros.segmenter.Segmenter`.
    seen: called after each frame with its labels, (H, W) uint8 in ids of the truth, void 255.
    Raises ConfigError where the classes differ or no frame is labelled; whatever the source or the engine raises.
    """
    if source.table is None:
        raise ConfigError(f"{source.place} has no ground truth to compare with: add labels")
    scorer = Scorer(source.table)
    times_s: list[float] = []
    for frame, labels, confidence, seconds in predict(source, engine, card, source.table, caution):
        times_s.append(seconds)
        if frame.truth is None:
            continue
        score = scorer.add(frame.name, frame.truth, labels, confidence)
        if judge is not None:
            judge.add(frame, labels)
        seen(frame, labels, score)
    scores = scorer.scores()
    if not scores.frames:
        raise ConfigError(f"{source.place} holds no labelled frame; nothing was scored")
    metres = None if judge is None else judge.scores()
    return Evaluation(card, engine.info, source, scores, metres, len(times_s) / sum(times_s))


def together(parts: Sequence[tuple[str, Evaluation]], name: str) -> Evaluation:
    """One evaluation of several sources by the same model, each with its name, "" for parts of one. name: of all.

    Raises ConfigError where their classes or the engines that ran differ.
    """
    first = parts[0][1]
    scorer = Scorer(first.scores.table)
    for place, part in parts:
        if part.scores.table != first.scores.table:
            tables = f"{first.scores.table.name}, {part.scores.table.name}"
            raise ConfigError(f"{place} and {parts[0][0]} are labelled in other classes ({tables}): score them apart")
        if part.engine.kind != first.engine.kind:
            ran = " and ".join(f"{e.name} ({e.runtime}) in {e.precision}" for e in (part.engine, first.engine))
            raise ConfigError(f"{place} and {parts[0][0]} were scored by {ran}: name one by --engine and --precision")
        scorer.add_all(part.scores, f"{place}/" if place else "")
    scores = scorer.scores()
    seconds = sum(len(part.scores.frames) / part.frames_per_s for _, part in parts)
    total = sum(part.source.total for _, part in parts)
    source = replace(first.source, name=name, place=name, total=total)
    return first._replace(source=source, scores=scores, frames_per_s=len(scores.frames) / seconds)


def judge_exact_labels(source: Source, judge: StreetJudge, seen: Callable[[], None] = lambda: None) -> MetricScores:
    """What free space and grid make of the truth itself: the errors that are their own."""
    for frame in source:
        if frame.truth is not None:
            judge.add(frame, frame.truth)
            seen()
    return judge.scores()
