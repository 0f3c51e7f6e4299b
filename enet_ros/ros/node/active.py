"""What an active node does: it listens to the camera, answers images, and watches its own health."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.lifecycle import LifecycleNode

from enet_ros.ros.node.account import Account
from enet_ros.ros.node.camera import CameraInput
from enet_ros.ros.node.configured import Configured
from enet_ros.ros.node.diagnostics import Health
from enet_ros.ros.node.pipeline import Pipeline
from enet_ros.ros.parameters import Parameters


class Active:
    """Made by activate, closed by deactivate."""

    def __init__(self, node: LifecycleNode, configured: Configured, parameters: Callable[[], Parameters]) -> None:
        self._configured = configured
        self._parameters = parameters
        self.account = Account()
        configured.announce()
        name = f"{node.get_name()}_worker"
        self._pipeline = Pipeline(configured, parameters, self.account, name, node.get_logger())
        self._camera = CameraInput(node, configured.parameters, self._pipeline.receive, self.account.counters)

    def watch(self) -> None:
        """Subscribe to the camera while somebody subscribes to an output; to be called periodically."""
        self._camera.refresh(not self._parameters().lazy or bool(self._configured.consumers()))

    def close(self) -> None:
        """Unsubscribe, finish the image in hand, end the worker."""
        self._camera.close()
        self._pipeline.close()

    def health(self) -> Health:
        """Everything diagnostics are decided from."""
        now_s = time.monotonic()
        account, camera, outputs = self.account, self._camera, self._configured.outputs
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
            totals=account.counters,
            lately=account.lately(now_s),
            latency_ms=account.latency_ms(now_s),
            last_error=account.last_error,
            incompatible=camera.complaints(),
            problems=(*outputs.problems.copy().items(), *outputs.complaints()),
            about=self._configured.about(),
        )
