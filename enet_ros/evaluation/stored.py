"""An evaluation as a file, so that it need not be done again: its counts, exactly."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from enet_ros.card import ModelCard
from enet_ros.classes import ClassTable
from enet_ros.engines.base import EngineInfo
from enet_ros.errors import ConfigError
from enet_ros.evaluation.score import Evaluation
from enet_ros.figures import finite_or_none
from enet_ros.frames import Source
from enet_ros.metrics import Calibration, DrivableCurve, FrameScore, Scores
from enet_ros.metrics.boundary import BoundaryScore
from enet_ros.metrics.confusion import ConfusionMatrix

SCORING = 1
"""Version of the scores: raise it where the same job would have other counts than before."""


def stored(evaluation: Evaluation, job: Any) -> bytes:
    """The file of an evaluation without metres. job: JSON values that decide what it is."""
    scores, source = evaluation.scores, evaluation.source
    values = {
        "job": [SCORING, job],
        "engine": evaluation.engine,
        "source": [source.name, source.place, source.total, source.rate_hz],
        "frames_per_s": evaluation.frames_per_s,
        "classes": scores.table.to_dict(),
        "confusion": scores.confusion.counts,
        "boundary": [scores.boundary.radius, scores.boundary.confusion.counts, scores.boundary.edges],
        "calibration": scores.calibration and [scores.calibration.totals, scores.calibration.hits],
        "curve": scores.curve and scores.curve.counts,
        "frames": [[f.name, finite_or_none(f.miou), finite_or_none(f.pixel_accuracy)] for f in scores.frames],
    }
    return json.dumps(values, default=np.ndarray.tolist).encode()


def restored(content: bytes, job: Any, card: ModelCard) -> Evaluation | None:
    """The evaluation that `stored` has written for this job and model; None where it is of another."""
    try:
        values = json.loads(content)
        if values["job"] != json.loads(json.dumps([SCORING, job])):
            return None
        return _restored(values, card)
    except (ValueError, KeyError, TypeError, ConfigError):  # not written by `stored`, or by that of another version
        return None


def _restored(values: dict[str, Any], card: ModelCard) -> Evaluation:
    table = ClassTable.from_dict(values["classes"])
    radius, band, edges = values["boundary"]
    boundary = BoundaryScore(table.num_classes, radius)
    boundary.confusion, boundary.edges = _matrix(band), np.array(edges, np.int64)
    calibration = curve = None
    if values["calibration"] is not None:
        calibration, curve = Calibration(), DrivableCurve(table)
        calibration.totals, calibration.hits = (np.array(each, np.int64) for each in values["calibration"])
        curve.counts = np.array(values["curve"], np.int64)
    frames = tuple(FrameScore(name, *(math.nan if v is None else v for v in rest)) for name, *rest in values["frames"])
    scores = Scores(table, _matrix(values["confusion"]), boundary, calibration, curve, frames)
    name, place, total, rate_hz = values["source"]
    engine = EngineInfo(*values["engine"])
    source = Source(name, place, total, rate_hz, lambda: iter(()), table)
    return Evaluation(
        card, engine._replace(size=(engine.size[0], engine.size[1])), source, scores, None, values["frames_per_s"]
    )


def _matrix(counts: list[list[int]]) -> ConfusionMatrix:
    matrix = ConfusionMatrix(len(counts))
    matrix.counts = np.array(counts, np.int64)
    return matrix
