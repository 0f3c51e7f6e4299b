"""QoS events without an executor: polled, so that their entities can be destroyed at any time.

rclpy's EventsExecutor crashes when an entity with event handlers is destroyed under it (ros2/rclpy#1644), and an event
that is a fifth of a second old is as good to diagnostics.
"""

from __future__ import annotations

from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.subscription import Subscription

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError


def no_publisher_events() -> PublisherEventCallbacks:
    """Not even rclpy's own handlers."""
    return PublisherEventCallbacks(use_default_callbacks=False)


def no_subscription_events() -> SubscriptionEventCallbacks:
    """Not even rclpy's own handlers."""
    return SubscriptionEventCallbacks(use_default_callbacks=False)


class PolledEvents:
    """Messages lost and deadlines missed of one subscription."""

    def __init__(self, subscription: Subscription[Any], group: CallbackGroup) -> None:
        self._lost = self._handler(subscription, group, message_lost=_ignore)
        self._deadline = self._handler(subscription, group, deadline=_ignore)

    @staticmethod
    def _handler(subscription: Subscription[Any], group: CallbackGroup, **callback: Any) -> Any:
        callbacks = SubscriptionEventCallbacks(use_default_callbacks=False, **callback)
        try:
            (handler,) = callbacks.create_event_handlers(group, subscription.handle, subscription.topic)
        except UnsupportedEventTypeError:  # this middleware does not tell
            return None
        return handler

    def take(self) -> tuple[int, int]:
        """(messages lost, deadlines missed) since the last call."""
        return _taken(self._lost), _taken(self._deadline)

    def destroy(self) -> None:
        """Before the subscription."""
        for handler in (self._lost, self._deadline):
            if handler is not None:
                handler.destroy()


def _ignore(_: Any) -> None:
    """The event is polled."""


def _taken(handler: Any) -> int:
    if handler is None:
        return 0
    handler._ready_to_take_data = True  # what a wait set would do; the status itself is there at any time
    return int(getattr(handler.take_data(), "total_count_change", 0))
