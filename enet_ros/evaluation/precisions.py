"""Which share of a model's labels a faster precision keeps: measured on frames, and kept in the model's card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from enet_ros import engines, model_file
from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.engines.base import kept_metric
from enet_ros.errors import ConfigError
from enet_ros.segmenter import Segmenter

PRECISION = "bf16"
"""What OpenVINO gains by on CPUs that have it."""
FRAMES = 32
"""More would tell nothing new: a frame has 172,800 pixels."""


def labels_kept(path: Path | str, images: Sequence[U8]) -> float:
    """The share of the labels of fp32 that bf16 keeps on (H, W, 3) uint8 RGB images, at the model's own size.

    Raises EngineError where OpenVINO is not installed or the CPU has no bf16, ConfigError without an image.
    """
    if not images:
        raise ConfigError(f"no image to measure {path} on")
    card = model_file.read_card(path)
    found = []
    for precision in ("fp32", PRECISION):
        with engines.create("openvino", path, precision=precision, device="cpu") as engine:
            many = Segmenter(engine, card, full_resolution=False).segment_many(images)
            found.append([inference.labels for inference in many])
    return sum(float((exact == fast).mean()) for exact, fast in zip(*found, strict=True)) / len(images)


def record_kept(path: Path | str, images: Sequence[U8]) -> ModelCard:
    """Measure `labels_kept` on up to FRAMES of the images, evenly taken, and write it to a .safetensors file's card.

    Returns the new card. Raises as `labels_kept`, and ModelError where the file cannot be read or written.
    """
    step = max(1, len(images) // FRAMES)
    model = model_file.load(path)
    kept = round(labels_kept(path, images[::step][:FRAMES]), 5)
    metrics = {**dict(model.card.metrics), kept_metric(PRECISION): kept}
    return model_file.save(path, model.card.with_(metrics=tuple(metrics.items())), model.tensors)
