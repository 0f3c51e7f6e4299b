"""Run a model over labelled frames: images, bags, the synthetic street."""

from __future__ import annotations

from enet_ros.evaluation.predict import Answer, counted_as, predict
from enet_ros.evaluation.score import Evaluation, evaluate, together

__all__ = ["Answer", "Evaluation", "counted_as", "evaluate", "predict", "together"]
