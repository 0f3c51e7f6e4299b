"""What an active node does: the camera's subscription, the worker behind it, and their health."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable

from rclpy.lifecycle import LifecycleNode

from enet_ros.errors import EnetRosError
from enet_ros.ros.node.camera import Arrival, CameraInput
from enet_ros.ros.node.configured import Configured
from enet_ros.ros.node.counters import Counters, CounterWindow
from enet_ros.ros.node.diagnostics import Health
from enet_ros.ros.node.pipeline import Job, Pipeline
from enet_ros.ros.node.worker import Worker
from enet_ros.ros.parameters import Parameters

ERROR_EVERY_S = 5.0
"""A camera that sends nothing but bad images fills no log."""


class Active:
    """Made by activate, closed by deactivate."""

    def __init__(self, node: LifecycleNode, configured: Configured, parameters: Callable[[], Parameters]) -> None:
        self._logger = node.get_logger()
        self._configured = configured
        self._parameters = parameters
        self._window = CounterWindow()
        self._pipeline = Pipeline(
            configured.model.segmenter, configured.outputs, parameters, configured.publish_latency
        )
        configured.announce()
        self._worker: Worker[Job] = Worker(f"{node.get_name()}_worker", self._pipeline.answer, self._on_error)
        self._camera = CameraInput(node, configured.parameters, self._on_image)

    @property
    def counters(self) -> Counters:
        """Totals since activation."""
        return self._pipeline.counters

    def watch(self) -> None:
        """Subscribe to the camera while somebody subscribes to an output."""
        wanted = not self._parameters().lazy or bool(self._configured.consumers())
        self._camera.refresh(wanted, self.counters)

    def close(self) -> None:
        """Unsubscribe, finish the image in hand, end the worker."""
        self._camera.close(self.counters)
        if self._worker.stop():
            self.counters.replaced += 1

    def health(self) -> Health:
        """For diagnostics."""
        now_s = time.monotonic()
        camera, pipeline, outputs = self._camera, self._pipeline, self._configured.outputs
        subscribed_s, silent_s = camera.seconds(now_s)
        return Health(
            state="active",
            failure="",
            topic=camera.topic,
            publishers=camera.publishers(),
            subscribed=camera.subscribed,
            subscribed_s=subscribed_s,
            silent_s=silent_s,
            consumers=self._configured.consumers(),
            totals=self.counters,
            lately=self._window.add(now_s, self.counters),
            latency_ms=pipeline.latencies.percentiles(now_s),
            last_error=pipeline.last_error,
            incompatible=camera.complaints(),
            problems=(*outputs.problems.copy().items(), *outputs.complaints()),
            about=self._configured.about(),
        )

    def _on_image(self, arrival: Arrival) -> None:
        if self._worker.put(self._pipeline.receive(arrival)):
            self.counters.replaced += 1

    def _on_error(self, error: Exception) -> None:
        text = self._pipeline.fail(error)
        if not isinstance(error, EnetRosError):
            text += "\n" + "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self._logger.warning(text, throttle_duration_sec=ERROR_EVERY_S)
