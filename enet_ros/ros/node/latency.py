"""enet_ros/Latency of one answered frame."""

from __future__ import annotations

import math
from typing import NamedTuple

from std_msgs.msg import Header

from enet_ros.msg import Latency
from enet_ros.ros.node.clock import ClockState, StampAge
from enet_ros.ros.node.counters import Counters


class Stages(NamedTuple):
    """Where one frame's time went, in nanoseconds of the monotonic clock; elapsed_ns from arrival to published."""

    queue_ns: int
    decode_ns: int
    preprocess_ns: int
    infer_ns: int
    postprocess_ns: int
    publish_ns: int
    elapsed_ns: int


def total_ms(stages: Stages, age: StampAge) -> float:
    """Header stamp to published, or arrival to published where the stamp is no good."""
    return stages.elapsed_ns / 1e6 + (age.age_ms if age.state == ClockState.OK else 0.0)


def to_message(header: Header, stages: Stages, age: StampAge, counters: Counters) -> Latency:
    """The message; transport_ms is NaN unless the stamp is good."""
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
