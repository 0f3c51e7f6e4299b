"""A network in an engine, loaded as the parameters say and warmed up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rclpy.impl.rcutils_logger import RcutilsLogger

from enet_ros import memory, model_file
from enet_ros.card import ModelCard
from enet_ros.engines.shared import POOL
from enet_ros.errors import ModelError
from enet_ros.ros.parameters import Parameters
from enet_ros.segmenter import Segmenter


class Network:
    """A model's card and a warm engine that runs it.

    number: of the networks that the node has used, from 1; 0 before. asked: the parameters that name it.
    """

    def __init__(self, path: Path, card: ModelCard, parameters: Parameters, logger: RcutilsLogger) -> None:
        """Raises ModelError, ConfigError or EngineError."""
        self.number = 0
        self.asked = parameters.network
        self.card = card
        self._path = path
        started = time.monotonic()
        logger.info(f"loading {path.name} ({card.classes.num_classes} classes), engine {parameters.engine}")
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
            if not self.is_of_its_file():  # the card is of one model, the weights may be of another
                raise ModelError(f"{path} changed while it was being loaded: set the parameter model again")
            infer_ms = self._warm_up(parameters.warmup)
        except Exception:
            self.engine.close()
            raise
        memory.release()
        found = self.engine.info
        height, width = found.size
        took = time.monotonic() - started
        logger.info(
            f"model {self.card.name} at {width}x{height} on {found.runtime}, {found.device}, {found.chosen}: "
            f"{infer_ms:.1f} ms per image, ready after {took:.1f} s"
        )

    def is_of_its_file(self) -> bool:
        """Whether the file from which it was loaded still holds this model."""
        try:
            return model_file.read_card(self._path) == self.card
        except ModelError:
            return False

    def close(self) -> None:
        """Free the engine, unless another camera of the process uses it; the memory goes back to the kernel."""
        self.engine.close()
        memory.release()

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
    """Passes one thread's log records to a ROS logger: several networks may be loaded at once."""

    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__(logging.INFO)
        self._logger = logger
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread != self._thread:
            return
        if record.levelno >= logging.WARNING:
            self._logger.warning(record.getMessage())
        else:
            self._logger.info(record.getMessage())


@contextmanager
def _forwarded(logger: RcutilsLogger) -> Iterator[None]:
    """While loading, the engines' log lines (what was passed over and why, caches) go to the node's log."""
    source, handler = logging.getLogger("enet_ros"), _ToRos(logger)
    if not source.isEnabledFor(logging.INFO):
        source.setLevel(logging.INFO)  # and so it stays: another node of the process may be loading too
    source.addHandler(handler)
    try:
        yield
    finally:
        source.removeHandler(handler)
