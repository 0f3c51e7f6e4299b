"""What happens to one image: decode, segment, make and publish what is wanted, account for the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from enet_ros.msg import Latency
from enet_ros.ros.messages import decode
from enet_ros.ros.node import latency
from enet_ros.ros.node.camera import Arrival
from enet_ros.ros.node.clock import StampAge, StampClock
from enet_ros.ros.node.counters import Counters, LatencyWindow
from enet_ros.ros.node.outputs.publishers import OutputPublishers
from enet_ros.ros.node.outputs.row import Frame, Output
from enet_ros.ros.parameters import Parameters
from enet_ros.segmenter import Segmenter
from enet_ros.stamps import stamp_ns


class Job(NamedTuple):
    """An image for the worker, with its stamp judged in the order of arrival."""

    arrival: Arrival
    age: StampAge


class Pipeline:
    """Everything between a camera message and the outputs, for one activation of the node."""

    def __init__(
        self,
        segmenter: Segmenter,
        publishers: OutputPublishers,
        parameters: Callable[[], Parameters],
        publish_latency: Callable[[Latency], None],
    ) -> None:
        self._segmenter = segmenter
        self._publishers = publishers
        self._parameters = parameters
        self._publish_latency = publish_latency
        self._clock = StampClock()
        self.counters = Counters()
        self.latencies = LatencyWindow()
        self.last_error = ""

    def receive(self, arrival: Arrival) -> Job:
        """In the subscription's thread: count, judge the stamp."""
        self.counters.received += 1
        self.counters.lost += arrival.lost
        stamp = stamp_ns(arrival.message.header.stamp)
        age = self._clock.judge(stamp, arrival.ros_ns, self._parameters().max_age)
        self.counters.clock[age.state] += 1
        return Job(arrival, age)

    def answer(self, job: Job) -> None:
        """In the worker's thread. Raises ImageError or EngineError; `fail` is then to be called."""
        taken = time.monotonic_ns()
        parameters = self._parameters()
        message = job.arrival.message
        wanted = self._publishers.wanted()
        image = decode(message, parameters.max_pixels)
        decoded = time.monotonic_ns()
        result = self._segmenter.segment(image, confidence=_needs_confidence(wanted, parameters))
        frame = Frame(message.header, image, result, job.arrival.calibration, parameters)
        spent = self._publishers.publish(frame, wanted)
        done = time.monotonic_ns()
        stages = latency.Stages(
            queue_ns=taken - job.arrival.monotonic_ns,
            decode_ns=decoded - taken,
            preprocess_ns=result.preprocess_ns,
            infer_ns=result.infer_ns,
            postprocess_ns=result.postprocess_ns + spent.make_ns,
            publish_ns=spent.publish_ns,
            elapsed_ns=done - job.arrival.monotonic_ns,
        )
        self.counters.answered += 1
        self.latencies.add(done / 1e9, latency.total_ms(stages, job.age))
        self._publish_latency(latency.to_message(message.header, stages, job.age, self.counters))

    def fail(self, error: Exception) -> str:
        """Count a frame that could not be answered; returns what to log."""
        self.counters.failed += 1
        self.last_error = f"{type(error).__name__}: {error}"
        return f"image dropped ({self.counters.failed} so far): {self.last_error}"


def _needs_confidence(wanted: list[Output], parameters: Parameters) -> bool:
    return any(output.needs_confidence(parameters) for output in wanted)
