"""Health of the node, decided from plain values and published at /diagnostics.

Four statuses: camera (does it deliver?), stamps (can its clock be trusted?), inference (are frames answered?),
outputs (is what was asked for published?).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from enet_ros.ros import process
from enet_ros.ros.node.account import ClockState, Counters, Lately
from enet_ros.ros.parameters import Parameters

FASTDDS_REMEDY = (
    f"on Fast DDS start the CAMERA's process with {process.profile_variable()}=<enet_ros>/config/fastdds.xml: "
    "the default shared memory is smaller than an image"
)
LOST_SHARE = 0.01
"""A lower share of lost images is shown in the values only."""
CLOCK_REMEDIES = {
    ClockState.UNSET: "image stamps are zero: have the camera driver fill header.stamp",
    ClockState.FUTURE: "image stamps lie in the future: synchronise the clocks, or publish /clock more often",
    ClockState.BACKWARDS: "time jumped back: a bag looped or the camera driver was restarted",
    ClockState.STALE: "image stamps are older than max_age: replay with /clock and use_sim_time, or find the delay",
}


class Level(IntEnum):
    """The levels of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


class Status(NamedTuple):
    """One line of /diagnostics."""

    name: str
    level: Level
    message: str
    values: tuple[tuple[str, str], ...]


class Health(NamedTuple):
    """Everything the statuses are decided from; a node that is not active has the first three alone."""

    state: str  # lifecycle label
    failure: str  # why the last transition failed or a network was not loaded, or ''
    about: tuple[tuple[str, str], ...] = ()  # (key, value) of engine and model
    topic: str = ""  # the camera's
    publishers: int = 0  # how many there are of the topic
    subscribed: bool = False  # whether this node is
    subscribed_s: float = 0.0  # since when
    silent_s: float = 0.0  # since the last image; inf where none has arrived
    consumers: tuple[str, ...] = ()  # topics of outputs with a subscriber
    totals: Counters = Counters()
    lately: Lately = Lately(0.0, Counters())
    latency_ms: tuple[float, float] = (math.nan, math.nan)  # p50 and p99 lately
    last_error: str = ""  # of the last frame that failed
    incompatible: tuple[str, ...] = ()  # why the camera's QoS does not fit
    problems: tuple[tuple[str, str], ...] = ()  # (topic, reason) of outputs that are silent, failing or incompatible


def judge(health: Health, parameters: Parameters) -> list[Status]:
    """The four statuses, or one while the node is not active. parameters: silence and min_rate are the limits."""
    if health.state != "active":
        level = Level.ERROR if health.failure else Level.OK
        message = f"{health.state}: {health.failure}" if health.failure else health.state
        return [Status("inference", level, message, health.about)]
    return [_camera(health, parameters), _stamps(health), _inference(health), _outputs(health)]


def _camera(health: Health, parameters: Parameters) -> Status:
    totals, lately = health.totals, health.lately.counts
    rate = _rate(lately.received, health.lately.seconds)
    values = (
        ("topic", health.topic),
        ("publishers", str(health.publishers)),
        ("rate [Hz]", f"{rate:.1f}"),
        ("received", str(totals.received)),
        ("lost in transport", str(totals.lost)),
        ("deadlines missed", str(totals.deadline)),
    )
    level, message = _camera_verdict(health, parameters, rate)
    return Status("camera", level, message, values)


def _camera_verdict(health: Health, parameters: Parameters, rate: float) -> tuple[Level, str]:
    lately = health.lately.counts
    if health.incompatible:
        reasons = "; ".join(health.incompatible)
        return Level.ERROR, f"QoS does not fit {health.topic}: {reasons}: set reliability or durability to match"
    if not health.subscribed:
        if health.consumers and health.publishers == 0:
            return Level.WARN, f"waiting for a publisher of {health.topic} to match its QoS"
        if health.consumers:
            return Level.OK, "subscribing"
        return Level.OK, "idle: nobody subscribes to an output"
    quiet_s = min(health.silent_s, health.subscribed_s)
    if quiet_s > parameters.silence and health.publishers == 0:
        return Level.WARN, f"nobody publishes {health.topic}"
    if quiet_s > parameters.silence:
        return Level.WARN, f"{health.topic} has a publisher but no image arrived for {quiet_s:.0f} s; {FASTDDS_REMEDY}"
    share = lately.lost / max(1, lately.lost + lately.received)
    if share >= LOST_SHARE:
        remedy = f"raise depth if this machine is busy; {FASTDDS_REMEDY}"
        return Level.WARN, f"{share:.0%} of the images were lost in transport: {remedy}"
    if lately.deadline:
        return Level.WARN, f"the camera missed its deadline {lately.deadline} times"
    if rate < parameters.min_rate and health.subscribed_s > parameters.silence:
        return Level.WARN, f"{rate:.1f} Hz is below min_rate {parameters.min_rate:g} Hz"
    if health.publishers > 1:
        remedy = f"give each camera its own node (`ros2 topic info -v {health.topic}` lists them)"
        return Level.WARN, f"{health.publishers} publishers of {health.topic}, whose images mix: {remedy}"
    return Level.OK, f"{rate:.1f} Hz"


def _stamps(health: Health) -> Status:
    counts = health.lately.counts.clock
    bad = [state for state in CLOCK_REMEDIES if counts[state]]
    values = tuple((state.name.lower(), str(count)) for state, count in health.totals.clock.items())
    if not bad:
        return Status("stamps", Level.OK, "in order", values)
    return Status("stamps", Level.WARN, "; ".join(CLOCK_REMEDIES[state] for state in bad), values)


def _inference(health: Health) -> Status:
    totals, lately = health.totals, health.lately.counts
    p50, p99 = health.latency_ms
    rate = _rate(lately.answered, health.lately.seconds)
    values = (
        ("rate [Hz]", f"{rate:.1f}"),
        ("latency p50 [ms]", f"{p50:.1f}"),
        ("latency p99 [ms]", f"{p99:.1f}"),
        ("answered", str(totals.answered)),
        ("skipped", str(totals.skipped)),
        ("dropped", str(totals.replaced)),
        ("failed", str(totals.failed)),
        ("last error", health.last_error),
        *health.about,
    )
    if lately.failed:
        level = Level.WARN if lately.answered else Level.ERROR
        return Status("inference", level, f"{lately.failed} images failed: {health.last_error}", values)
    if health.failure:
        return Status("inference", Level.WARN, health.failure, values)
    return Status("inference", Level.OK, f"{rate:.1f} Hz, latency {p50:.1f} ms" if lately.answered else "idle", values)


def _outputs(health: Health) -> Status:
    values = tuple((topic, "subscribed") for topic in health.consumers)
    if not health.problems:
        return Status("outputs", Level.OK, f"{len(health.consumers)} subscribed", values)
    return Status("outputs", Level.WARN, "; ".join(f"{topic}: {reason}" for topic, reason in health.problems), values)


def _rate(count: int, seconds: float) -> float:
    return count / seconds if seconds > 0 else 0.0


def to_message(node_name: str, stamp: Time, statuses: list[Status]) -> DiagnosticArray:
    """The statuses as one message. node_name: fully qualified; diagnostic_aggregator groups by it."""
    message = DiagnosticArray()
    message.header.stamp = stamp
    for status in statuses:
        message.status.append(
            DiagnosticStatus(
                name=f"{node_name.lstrip('/')}: {status.name}",
                level=bytes([status.level]),
                message=status.message,
                hardware_id=node_name.lstrip("/"),
                values=[KeyValue(key=key, value=value) for key, value in status.values],
            )
        )
    return message


class Transitions:
    """Calls `log` once for each status that gets worse, so that the log shows it as well as /diagnostics."""

    def __init__(self, log: Callable[[str], object]) -> None:
        self._log = log
        self._levels: dict[str, Level] = {}

    def add(self, statuses: list[Status]) -> None:
        """Compare with the levels of the last call."""
        for status in statuses:
            if status.level > self._levels.get(status.name, Level.OK):
                self._log(f"{status.name}: {status.message}")
            self._levels[status.name] = status.level
