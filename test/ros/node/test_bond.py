"""The bond with Nav2's lifecycle manager, whose side a small peer takes here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("bond.msg", reason="bond is not installed (apt has it, PyPI does not)")

from bond.msg import Status
from rclpy.parameter import Parameter
from ros_rig import Rig, wait_for

from enet_ros.ros import qos


class Manager:
    """Hears the node, and answers as one who holds the other end."""

    def __init__(self, r: Rig) -> None:
        profile = qos.keep_last(100, "reliable")
        self.heard: list[Status] = []
        r.watcher.create_subscription(Status, "bond", self._hear, profile)
        self.publisher = r.watcher.create_publisher(Status, "bond", profile)

    def _hear(self, status: Status) -> None:
        if status.instance_id != "manager":
            self.heard.append(status)

    def say(self, active: bool, name: str = "segmentation", instance: str = "manager") -> None:
        self.publisher.publish(Status(id=name, instance_id=instance, active=active))

    def instances(self) -> list[str]:
        """Of the heartbeats, each once, in order."""
        return list(dict.fromkeys(status.instance_id for status in self.heard if status.active))


@pytest.mark.parametrize("executor", ["auto", "single"])
def test_it_lives_while_the_node_is_active(rig: Callable[..., Rig], executor: str) -> None:
    r = rig(executor=executor)
    manager = Manager(r)
    wait_for(lambda: manager.publisher.get_subscription_count() == 2)
    r.start()
    wait_for(lambda: len(manager.heard) > 3)
    assert {status.id for status in manager.heard} == {"segmentation"}
    assert all(0 < status.heartbeat_period < 1 < status.heartbeat_timeout for status in manager.heard)
    r.node.trigger_deactivate()
    wait_for(lambda: not manager.heard[-1].active)
    (first,) = manager.instances()
    r.node.trigger_activate()
    wait_for(lambda: len(manager.instances()) == 2)
    assert all(status.active for status in manager.heard if status.instance_id != first)


def test_the_manager_s_end_is_acknowledged_and_the_node_goes_on(rig: Callable[..., Rig]) -> None:
    r = rig()
    manager = Manager(r)
    r.start()
    wait_for(lambda: manager.heard and manager.publisher.get_subscription_count() == 2)
    manager.say(False, "another_server")
    manager.say(True)
    count = len(manager.heard)
    wait_for(lambda: len(manager.heard) > count + 2)
    assert all(status.active for status in manager.heard)
    manager.say(False)
    wait_for(lambda: not manager.heard[-1].active)
    assert r.node._active is not None


def test_no_word_of_others_or_of_an_earlier_bond_ends_it(rig: Callable[..., Rig]) -> None:
    """Such as the node's own goodbye, which comes back after it has been activated anew."""
    r = rig()
    manager = Manager(r)
    wait_for(lambda: manager.publisher.get_subscription_count() == 2)
    r.start()
    wait_for(manager.instances)
    (first,) = manager.instances()
    r.node.trigger_deactivate()
    r.node.trigger_activate()
    wait_for(lambda: len(manager.instances()) == 2)
    manager.say(True, instance=first)
    manager.say(False, instance=first)
    manager.say(False, instance="stranger")
    manager.say(True)
    manager.say(False, instance="stranger")
    count = len(manager.heard)
    wait_for(lambda: len(manager.heard) > count + 5)
    assert all(s.active for s in manager.heard if s.instance_id == manager.instances()[1])
    manager.say(False)
    wait_for(lambda: not manager.heard[-1].active)


def test_it_can_be_switched_off(rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    r = rig()
    assert r.node.set_parameters([Parameter("bond", value=False)])[0].successful
    formed: list[Any] = []
    monkeypatch.setattr(r.node._bond, "form", lambda: formed.append(1))
    r.start()
    assert formed == []
