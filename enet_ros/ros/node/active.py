"""The way of one image through an active node: received, decoded, segmented, published, accounted for."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable

from rclpy.lifecycle import LifecycleNode

from enet_ros.errors import EnetRosError
from enet_ros.msg import Latency
from enet_ros.ros.messages import decode
from enet_ros.ros.node.account import Account, ClockState, Pace, StampAge
from enet_ros.ros.node.camera import Arrival, CameraInput
from enet_ros.ros.node.configured import Configured, Serving
from enet_ros.ros.node.diagnostics import Health
from enet_ros.ros.node.looking import Looking
from enet_ros.ros.node.outputs import Frame
from enet_ros.ros.node.worker import Worker
from enet_ros.stamps import NS, stamp_ns

LOG_ERROR_EVERY_S = 5.0
"""Limits the log lines of a camera that sends nothing but bad images."""


class Active:
    """Answers the camera's newest image. Made by activate, closed by deactivate.

    camera's thread: `_receive` -> the worker's mailbox; worker's thread: `_answer`, and `_fail` where that raises.
    """

    def __init__(self, node: LifecycleNode, configured: Configured) -> None:
        self._configured = configured
        self._logger = node.get_logger()
        self.account = Account()
        self.looking: Looking | None = None
        """Is offered the images that are answered."""
        self._pace = Pace()
        configured.announce(configured.serving)
        self._worker: Worker[tuple[Arrival, StampAge]] = Worker(f"{node.get_name()}_worker", self._answer, self._fail)
        try:
            self._camera = CameraInput(node, configured.serving.parameters, self._receive, self.account.counters)
        except Exception:
            self._worker.stop()
            raise

    def watch(self) -> None:
        """Subscribe to the camera while somebody subscribes to an output; to be called periodically."""
        lazy = self._configured.serving.parameters.lazy and self.looking is None
        self._camera.refresh(not lazy or bool(self._configured.consumers()))

    def close(self) -> None:
        """Unsubscribe, finish the image in hand, end the worker."""
        if self.looking is not None:
            self.looking.end()
        self._camera.close()
        engine = self._configured.serving.network.engine
        engine.hurry()  # a worker that waits for its turn has nothing to do in it any more
        if self._worker.stop():
            self.account.counters.replaced += 1

    def exchange(self, serving: Serving) -> None:
        """Take this one after the image in hand, and say so on the latched topics before the first that follows."""
        self._worker.between(lambda: self._exchange(serving))

    def _exchange(self, serving: Serving) -> None:
        try:
            if not serving.tells_as(self._configured.serving):
                self._configured.announce(serving)
        except Exception as error:  # noqa: BLE001 - logged; the exchange has been promised
            self._logger.error(f"~/info could not be published: {type(error).__name__}: {error}")
        self._configured.exchange(serving)

    def _receive(self, arrival: Arrival) -> None:
        """Count an image, judge its stamp and hand it to the worker, without waiting."""
        stamp = stamp_ns(arrival.message.header.stamp)
        parameters = self._configured.parameters
        age = self.account.received(stamp, arrival.ros_ns, parameters.max_age, parameters.max_ahead)
        if not self._pace.chooses(arrival.monotonic_ns / NS, parameters.max_rate):
            self.account.counters.skipped += 1
        elif self._worker.put((arrival, age)):
            self.account.counters.replaced += 1

    def _answer(self, newest: Callable[[], tuple[Arrival, StampAge] | None]) -> None:
        """Raises ImageError, EngineError or whatever a runtime raises."""
        serving = self._configured.serving
        parameters, outputs = serving.parameters, serving.outputs
        with serving.network.engine.turn(parameters.priority):  # other cameras of the process may share the engine
            received = newest()
            if received is None:  # the node has been deactivated in the meantime
                return
            taken = time.monotonic_ns()
            arrival, age = received
            header = arrival.message.header
            wanted = outputs.wanted()
            image = decode(arrival.message, parameters.max_pixels)
            decoded = time.monotonic_ns()
            confidence = any(output.needs_confidence(parameters) for output in wanted)
            result = serving.segmenter.segment(image, confidence=confidence)
        frame = Frame(header, image, result, arrival.calibration, parameters)
        spent = outputs.publish(frame, wanted)
        done = time.monotonic_ns()
        if (looking := self.looking) is not None:
            looking.offer(frame, serving.network.card.classes)
        counters = self.account.counters
        total_ms = (done - arrival.monotonic_ns) / 1e6 + (age.age_ms if age.state == ClockState.OK else 0.0)
        self._configured.latency.publish(
            Latency(
                header=header,
                model_number=serving.network.number,
                clock=int(age.state),
                transport_ms=age.age_ms,
                queue_ms=(taken - arrival.monotonic_ns) / 1e6,
                decode_ms=(decoded - taken) / 1e6,
                preprocess_ms=result.preprocess_ns / 1e6,
                infer_ms=result.infer_ns / 1e6,
                postprocess_ms=(result.postprocess_ns + spent.make_ns) / 1e6,
                publish_ms=spent.publish_ns / 1e6,
                total_ms=total_ms,
                frames_in=counters.received,
                frames_skipped=counters.skipped,
                frames_dropped=counters.replaced,
                frames_failed=counters.failed,
            )
        )
        self.account.answered(done / 1e9, total_ms)

    def _fail(self, error: Exception) -> None:
        self.account.failed(error)
        text = f"image failed ({self.account.counters.failed} so far): {self.account.last_error}"
        if not isinstance(error, EnetRosError):
            text += "\n" + "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self._logger.warning(text, throttle_duration_sec=LOG_ERROR_EVERY_S)

    def health(self, failure: str = "") -> Health:
        """Everything diagnostics are decided from. failure: why a network that was asked for is not used, or ''."""
        now_s = time.monotonic()
        account, camera, outputs = self.account, self._camera, self._configured.serving.outputs
        subscribed_s, silent_s = camera.seconds(now_s)
        return Health(
            state="active",
            failure=failure,
            about=self._configured.about(),
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
            problems=(*outputs.problems.items(), *outputs.complaints()),
        )
