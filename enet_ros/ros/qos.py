"""Quality of service of every topic: profiles from parameters, rclpy's overrides, matching a publisher."""

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
    """For a message that late subscribers receive too."""
    return keep_last(1, "reliable", "transient_local")


def output(parameters: Parameters) -> QoSProfile:
    """For outputs published with every frame."""
    return keep_last(parameters.output_depth, parameters.output_reliability)


def camera(parameters: Parameters, offered: Sequence[QoSProfile]) -> QoSProfile | None:
    """For the image subscription. offered: the publishers' profiles.

    None where `match` has nothing to match yet. Of several publishers the weakest is matched, so that all are received.
    """
    p = parameters
    if "match" in (p.reliability, p.durability) and not offered:
        return None
    reliability, durability = p.reliability, p.durability
    if reliability == "match":
        reliable = all(profile.reliability == ReliabilityPolicy.RELIABLE for profile in offered)
        reliability = "reliable" if reliable else "best_effort"
    if durability == "match":
        kept = all(profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in offered)
        durability = "transient_local" if kept else "volatile"
    profile = keep_last(p.depth, reliability, durability)
    if p.deadline > 0:
        profile.deadline = Duration(nanoseconds=round(p.deadline * 1e9))
    return profile


def matching(depth: int, offered: Sequence[QoSProfile]) -> QoSProfile:
    """A profile that receives from every publisher, earlier messages included where all of them keep those."""
    kept = bool(offered) and all(profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in offered)
    reliable = kept and all(profile.reliability == ReliabilityPolicy.RELIABLE for profile in offered)
    return keep_last(depth, "reliable" if reliable else "best_effort", "transient_local" if kept else "volatile")


def copied(profile: QoSProfile) -> QoSProfile:
    """An equal profile: rclpy writes overrides into the one it is given."""
    return QoSProfile(
        history=profile.history,
        depth=profile.depth,
        reliability=profile.reliability,
        durability=profile.durability,
        deadline=profile.deadline,
    )


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
