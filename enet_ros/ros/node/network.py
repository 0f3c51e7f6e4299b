"""A network in an engine, loaded as the parameters say and warmed up."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from rclpy.impl.rcutils_logger import RcutilsLogger

from enet_ros import memory, model_file
from enet_ros.engines.shared import POOL
from enet_ros.ros.parameters import Parameters
from enet_ros.segmenter import Segmenter


class Network:
    """A model's card and a warm engine that runs it. Raises ModelError, ConfigError or EngineError."""

    def __init__(self, parameters: Parameters, logger: RcutilsLogger) -> None:
        started = time.monotonic()
        path = model_file.resolve(parameters.model)
        self.card = model_file.read_card(path)
        logger.info(f"loading {path.name} ({self.card.classes.num_classes} classes), engine {parameters.engine}")
        with _forwarded(logger):
            self.engine = POOL.lease(
                parameters.engine,
                path,
                size=parameters.input_size,
                precision=parameters.precision,
                threads=parameters.threads,
                device=parameters.device,
            )
        try:
            infer_ms = self._warm_up(parameters.warmup)
        except Exception:
            self.engine.close()
            raise
        memory.release()
        found = self.engine.info
        height, width = found.size
        took = time.monotonic() - started
        logger.info(
            f"model {self.card.name} at {width}x{height} on {found.runtime}, {found.device}, {found.precision}: "
            f"{infer_ms:.1f} ms per image, ready after {took:.1f} s"
        )

    def close(self) -> None:
        self.engine.close()

    def _warm_up(self, images: int) -> float:
        """Returns the inference time of the last image, in ms."""
        segmenter = Segmenter(self.engine, self.card)
        image = np.full((*segmenter.size_hw, 3), 127, np.uint8)
        infer_ns = 0
        for _ in range(images):
            infer_ns = segmenter.segment(image, confidence=True).infer_ns
            infer_ns = segmenter.segment(image).infer_ns
        return infer_ns / 1e6


class _ToRos(logging.Handler):
    """Passes Python's log records to a ROS logger."""

    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            self._logger.warning(record.getMessage())
        else:
            self._logger.info(record.getMessage())


@contextmanager
def _forwarded(logger: RcutilsLogger) -> Iterator[None]:
    """While loading, the engines' log lines (what was passed over and why, caches) go to the node's log."""
    source = logging.getLogger("enet_ros")
    handler, level = _ToRos(logger), source.level
    source.addHandler(handler)
    source.setLevel(logging.INFO)
    try:
        yield
    finally:
        source.removeHandler(handler)
        source.setLevel(level)
