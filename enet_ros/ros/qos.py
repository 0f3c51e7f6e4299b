"""Quality of service of every topic: profiles from parameters, rclpy's overrides, what publishers offer."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSCompatibility,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

from enet_ros.ros.parameters import Parameters

_RELIABILITY = {"best_effort": ReliabilityPolicy.BEST_EFFORT, "reliable": ReliabilityPolicy.RELIABLE}
_DURABILITY = {"volatile": DurabilityPolicy.VOLATILE, "transient_local": DurabilityPolicy.TRANSIENT_LOCAL}


def overrides(*, reliability: bool = True, durability: bool = True) -> QoSOverridingOptions:
    """Let parameters such as `qos_overrides./topic.subscription.reliability` have the last word.

    A policy that follows the publishers must be left out: rclpy keeps the parameter's first value for good.
    """
    kinds = [QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH]
    kinds += [QoSPolicyKind.RELIABILITY] if reliability else []
    kinds += [QoSPolicyKind.DURABILITY] if durability else []
    return QoSOverridingOptions(kinds)


def keep_last(depth: int, reliability: str, durability: str = "volatile") -> QoSProfile:
    """A profile from parameter values."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=_RELIABILITY[reliability],
        durability=_DURABILITY[durability],
    )


def latched() -> QoSProfile:
    """The profile of messages that subscribers who come late receive too."""
    return keep_last(1, "reliable", "transient_local")


def output(parameters: Parameters) -> QoSProfile:
    """The profile of outputs published with every frame."""
    return keep_last(parameters.output_depth, parameters.output_reliability)


def camera(parameters: Parameters, offered: Sequence[QoSProfile]) -> QoSProfile | None:
    """The profile of the image subscription. offered: the publishers' profiles.

    None where `match` has nothing to match yet. Of several publishers the weakest is matched, so that all are received.
    """
    p = parameters
    if "match" in (p.reliability, p.durability) and not offered:
        return None
    reliability, durability = _weakest(offered)
    reliability = reliability if p.reliability == "match" else p.reliability
    durability = durability if p.durability == "match" else p.durability
    profile = keep_last(p.depth, reliability, durability)
    if p.deadline > 0:
        profile.deadline = Duration(nanoseconds=round(p.deadline * 1e9))
    return profile


def camera_info(offered: Sequence[QoSProfile]) -> QoSProfile:
    """The profile of the camera_info subscription: receives earlier messages where all publishers keep them."""
    reliability, durability = _weakest(offered)
    return keep_last(1, reliability if durability == "transient_local" else "best_effort", durability)


def _weakest(offered: Sequence[QoSProfile]) -> tuple[str, str]:
    """(reliability, durability) that every publisher offers; best effort and volatile where there is none."""
    reliable = offered and all(profile.reliability == ReliabilityPolicy.RELIABLE for profile in offered)
    kept = offered and all(profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in offered)
    return "reliable" if reliable else "best_effort", "transient_local" if kept else "volatile"


def offered_on(node: Node, topic: str) -> list[QoSProfile]:
    """The profiles of a topic's publishers. topic: fully resolved."""
    return [info.qos_profile for info in node.get_publishers_info_by_topic(topic)]


def complaints(offered: Sequence[QoSProfile], requested: Sequence[QoSProfile]) -> list[str]:
    """Why publishers and subscriptions of one topic do not match; empty where they do."""
    found = []
    for promise in offered:
        for wish in requested:
            compatibility, reason = qos_check_compatible(promise, wish)
            if compatibility == QoSCompatibility.ERROR:
                found.append(reason.removeprefix("ERROR: ").rstrip("; "))
    return sorted(set(found))
