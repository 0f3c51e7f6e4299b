"""The model of a configured node: found, loaded and warmed up, with what the engine says going to the node's log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
from rclpy.impl.rcutils_logger import RcutilsLogger

from enet_ros import engines, memory, model_file
from enet_ros.ros.parameters import Parameters
from enet_ros.segmenter import Segmenter

_OPTIONAL = {
    "vision_msgs": "~/label_info (vision_msgs)",
    "tf2_ros": "the camera's pose from TF (tf2_ros)",
    "cv_bridge": "rare image encodings (cv_bridge)",
}


def missing_packages() -> list[str]:
    """What is off because a ROS package is not installed."""
    return [text for package, text in _OPTIONAL.items() if find_spec(package) is None]


class LoadedModel:
    """A card, an engine and the segmenter over it. Raises ModelError, ConfigError or EngineError with the reason."""

    def __init__(self, parameters: Parameters, logger: RcutilsLogger) -> None:
        started = time.monotonic()
        path = model_file.resolve(parameters.model)
        self.card = model_file.read_card(path)
        logger.info(f"loading {path.name} ({self.card.classes.num_classes} classes) into engine {parameters.engine}")
        with _forwarded(logger):
            self.engine = engines.create(
                parameters.engine,
                path,
                size=parameters.input_size,
                precision=parameters.precision,
                threads=parameters.threads,
                confidence=True,
                device=parameters.device,
            )
        found = self.engine.info
        full = parameters.mask_size == "camera"
        self.segmenter = Segmenter(self.engine, self.card, full_resolution=full)
        try:
            infer_ms = self._warm_up(parameters.warmup)
        except Exception:
            self.engine.close()
            raise
        memory.release()
        height, width = found.size
        took = time.monotonic() - started
        logger.info(
            f"model {self.card.name} at {width}x{height} on {found.runtime}, {found.device}, {found.precision}: "
            f"{infer_ms:.1f} ms an image, ready after {took:.1f} s"
        )

    def close(self) -> None:
        """Free the engine."""
        self.engine.close()

    def _warm_up(self, images: int) -> float:
        """Milliseconds of the last image."""
        height, width = self.engine.info.size
        image = np.full((height, width, 3), 127, np.uint8)
        infer_ns = 0
        for _ in range(images):
            infer_ns = self.segmenter.segment(image, confidence=True).infer_ns
            infer_ns = self.segmenter.segment(image).infer_ns
        return infer_ns / 1e6


class _ToRos(logging.Handler):
    """Python's log records to a ROS logger."""

    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        elif record.levelno >= logging.INFO:
            self._logger.info(text)


@contextmanager
def _forwarded(logger: RcutilsLogger) -> Iterator[None]:
    """What the engines tell while loading (which was passed over and why, caches) goes to the node's log."""
    source = logging.getLogger("enet_ros")
    handler, level = _ToRos(logger), source.level
    source.addHandler(handler)
    source.setLevel(logging.INFO)
    try:
        yield
    finally:
        source.removeHandler(handler)
        source.setLevel(level)
