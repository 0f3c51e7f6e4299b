"""Run a model over labelled frames: images, bags, the synthetic street."""

from __future__ import annotations

from enet_ros.evaluation.predict import (
    Answer,
    Frame,
    LabelledFrame,
    Stopwatch,
    dataset_frames,
    label_map,
    predict,
)

__all__ = ["Answer", "Frame", "LabelledFrame", "Stopwatch", "dataset_frames", "label_map", "predict"]
