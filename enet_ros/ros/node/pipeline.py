"""The way of one image: received from the camera, decoded, segmented, published, accounted for."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable
from typing import NamedTuple

from rclpy.impl.rcutils_logger import RcutilsLogger
from std_msgs.msg import Header

from enet_ros.errors import EnetRosError
from enet_ros.msg import Latency
from enet_ros.ros.messages import decode
from enet_ros.ros.node.account import Account, ClockState, Counters, StampAge
from enet_ros.ros.node.camera import Arrival
from enet_ros.ros.node.configured import Configured
from enet_ros.ros.node.outputs.row import Frame
from enet_ros.ros.node.worker import Worker
from enet_ros.ros.parameters import Parameters
from enet_ros.stamps import stamp_ns

LOG_ERROR_EVERY_S = 5.0
"""Limits the log lines of a camera that sends nothing but bad images."""


class Job(NamedTuple):
    """An image for the worker, its stamp judged in the order of arrival."""

    arrival: Arrival
    age: StampAge


class Pipeline:
    """Answers the newest image in a worker thread, for one activation of the node.

    camera's thread: `receive` -> mailbox; worker's thread: `_answer`, and `_fail` where that raises.
    """

    def __init__(
        self,
        configured: Configured,
        parameters: Callable[[], Parameters],
        account: Account,
        name: str,
        logger: RcutilsLogger,
    ) -> None:
        """name: of the worker's thread. parameters: returns the current ones."""
        self._configured = configured
        self._parameters = parameters
        self._account = account
        self._logger = logger
        self._worker: Worker[Job] = Worker(name, self._answer, self._fail)

    def receive(self, arrival: Arrival) -> None:
        """Count an image, judge its stamp and hand it to the worker, without waiting."""
        stamp = stamp_ns(arrival.message.header.stamp)
        parameters = self._parameters()
        age = self._account.received(stamp, arrival.ros_ns, parameters.max_age, parameters.max_ahead)
        if self._worker.put(Job(arrival, age)):
            self._account.counters.replaced += 1

    def close(self) -> None:
        """Finish the image in hand and end the worker."""
        if self._worker.stop():
            self._account.counters.replaced += 1

    def _answer(self, job: Job) -> None:
        """Raises ImageError, EngineError or whatever a runtime raises."""
        taken = time.monotonic_ns()
        arrival, parameters, outputs = job.arrival, self._parameters(), self._configured.outputs
        header = arrival.message.header
        wanted = outputs.wanted()
        image = decode(arrival.message, parameters.max_pixels)
        decoded = time.monotonic_ns()
        confidence = any(output.needs_confidence(parameters) for output in wanted)
        result = self._configured.model.segmenter.segment(image, confidence=confidence)
        spent = outputs.publish(Frame(header, image, result, arrival.calibration, parameters), wanted)
        done = time.monotonic_ns()
        stages = Stages(
            queue_ns=taken - arrival.monotonic_ns,
            decode_ns=decoded - taken,
            preprocess_ns=result.preprocess_ns,
            infer_ns=result.infer_ns,
            postprocess_ns=result.postprocess_ns + spent.make_ns,
            publish_ns=spent.publish_ns,
            elapsed_ns=done - arrival.monotonic_ns,
        )
        self._account.answered(done / 1e9, total_ms(stages, job.age))
        self._configured.publish_latency(latency_message(header, stages, job.age, self._account.counters))

    def _fail(self, error: Exception) -> None:
        self._account.failed(error)
        text = f"image failed ({self._account.counters.failed} so far): {self._account.last_error}"
        if not isinstance(error, EnetRosError):
            text += "\n" + "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self._logger.warning(text, throttle_duration_sec=LOG_ERROR_EVERY_S)


class Stages(NamedTuple):
    """Time one frame took, in nanoseconds of the monotonic clock; elapsed_ns from arrival to published."""

    queue_ns: int
    decode_ns: int
    preprocess_ns: int
    infer_ns: int
    postprocess_ns: int
    publish_ns: int
    elapsed_ns: int


def total_ms(stages: Stages, age: StampAge) -> float:
    """From header stamp to published, or from arrival where the stamp is not OK."""
    return stages.elapsed_ns / 1e6 + (age.age_ms if age.state == ClockState.OK else 0.0)


def latency_message(header: Header, stages: Stages, age: StampAge, counters: Counters) -> Latency:
    """The message of ~/latency; transport_ms is NaN unless the stamp is OK."""
    return Latency(
        header=header,
        clock=int(age.state),
        transport_ms=age.age_ms if age.state == ClockState.OK else math.nan,
        queue_ms=stages.queue_ns / 1e6,
        decode_ms=stages.decode_ns / 1e6,
        preprocess_ms=stages.preprocess_ns / 1e6,
        infer_ms=stages.infer_ns / 1e6,
        postprocess_ms=stages.postprocess_ns / 1e6,
        publish_ms=stages.publish_ns / 1e6,
        total_ms=total_ms(stages, age),
        frames_in=counters.received,
        frames_dropped=counters.replaced,
        frames_failed=counters.failed,
    )
