"""What a configured node holds: a loaded model and the publishers. Freed as a whole."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Header

from enet_ros import memory, model_file
from enet_ros.engines.shared import POOL
from enet_ros.messages import segmentation_info
from enet_ros.msg import Latency, SegmentationInfo
from enet_ros.ros import qos
from enet_ros.ros.messages import label_info, label_info_type, to_message
from enet_ros.ros.node.outputs import OutputPublishers, Setup, create, outputs
from enet_ros.ros.parameters import Parameters, parse_groups
from enet_ros.segmenter import Segmenter


class Configured:
    """Made by configure, closed by cleanup. Raises EnetRosError, with everything freed, where a part cannot be made."""

    def __init__(self, node: LifecycleNode, parameters: Parameters) -> None:
        self._node = node
        self.parameters = parameters
        self.model = LoadedModel(parameters, node.get_logger())
        try:
            rows = outputs(Setup(node, parameters, self.model.card.classes))
            self.outputs = OutputPublishers(node, rows, qos.output(parameters))
            self.latency = create(node, Latency, "~/latency", qos.output(parameters))
            self._latched = [create(node, SegmentationInfo, "~/info", qos.latched())]
            if kind := label_info_type():
                self._latched.append(create(node, kind, "~/label_info", qos.latched()))
        except Exception:
            self.model.close()
            raise

    def announce(self) -> None:
        """Publish the meaning of the class ids on the latched topics."""
        now = self._node.get_clock().now().to_msg()
        card, engine = self.model.card, self.model.engine.info
        groups = tuple(parse_groups(self.parameters.mask_groups))
        self._latched[0].publish(to_message(segmentation_info(card, engine, groups), Header(stamp=now)))
        for publisher in self._latched[1:]:
            publisher.publish(label_info(now, card.classes))

    def consumers(self) -> tuple[str, ...]:
        """Topics with a subscriber, for which a camera image is needed."""
        topics = tuple(output.topic for output in self.outputs.wanted())
        return topics + (("~/latency",) if self.latency.get_subscription_count() else ())

    def about(self) -> tuple[tuple[str, str], ...]:
        """Model and engine as (key, value) for diagnostics."""
        card, engine = self.model.card, self.model.engine.info
        height, width = engine.size
        return (
            ("model", card.name),
            ("model digest", card.digest[:12]),
            ("classes", card.classes.name),
            ("engine", engine.name),
            ("runtime", engine.runtime),
            ("device", engine.device),
            ("precision", engine.precision),
            ("network size", f"{width}x{height}"),
        )

    def close(self) -> None:
        """Free the model and end the topics."""
        self.outputs.destroy()
        for publisher in (self.latency, *self._latched):
            self._node.destroy_publisher(publisher)
        self.model.close()


class LoadedModel:
    """A model card, a warm engine and the segmenter over it. Raises ModelError, ConfigError or EngineError."""

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
            self.segmenter = Segmenter(self.engine, self.card, full_resolution=parameters.mask_size == "camera")
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
        height, width = self.engine.info.size
        image = np.full((height, width, 3), 127, np.uint8)
        infer_ns = 0
        for _ in range(images):
            infer_ns = self.segmenter.segment(image, confidence=True).infer_ns
            infer_ns = self.segmenter.segment(image).infer_ns
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
