"""Images lost before they arrive: from the gaps in the middleware's sequence numbers, or from its QoS events.

QoS events are polled rather than handled by an executor, and rclpy's own handlers are switched off: its EventsExecutor
crashes when an entity with event handlers is destroyed under it (ros2/rclpy#1644), and diagnostics can wait a fifth of
a second.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.subscription import Subscription

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError

__all__ = ["PolledEvents", "PublisherEventCallbacks", "SequenceGaps", "SubscriptionEventCallbacks", "WithInfo"]


class SequenceGaps:
    """Counts missing sequence numbers, for each publisher of a topic."""

    def __init__(self) -> None:
        self._last: dict[object, int] = {}

    def add(self, info: Mapping[str, Any] | None) -> int | None:
        """Messages lost just before this one, or None where the middleware does not number messages.

        info: rclpy's message info. Losses before a publisher's first message cannot be known; a number lower than the
        last restarts the count.
        """
        number = None if info is None else info.get("publication_sequence_number")
        if info is None or number is None:
            return None
        publisher = _identity(info.get("publisher_gid"))
        last = self._last.get(publisher)
        self._last[publisher] = number
        return max(0, number - last - 1) if last is not None else 0


def _identity(gid: Any) -> object:
    return gid.get("data") if isinstance(gid, Mapping) else gid


class WithInfo:
    """A subscription's callback that gets (message, info) from every executor.

    rclpy looks at the signature to learn that info is wanted, but its EventsExecutor then passes both as one tuple, and
    Humble passes the message alone.
    """

    __signature__ = inspect.Signature(
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in ("message", "info")]
    )

    def __init__(self, callback: Callable[[Any, Mapping[str, Any] | None], None]) -> None:
        self._callback = callback

    def __call__(self, *arguments: Any) -> None:
        if len(arguments) == 1:
            arguments = arguments[0] if isinstance(arguments[0], tuple) else (arguments[0], None)
        self._callback(*arguments)


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
        except UnsupportedEventTypeError:
            return None
        return handler

    def take(self) -> tuple[int, int]:
        """(messages lost, deadlines missed) since the last call."""
        return _taken(self._lost), _taken(self._deadline)

    def destroy(self) -> None:
        """To be called before the subscription is destroyed."""
        for handler in (self._lost, self._deadline):
            if handler is not None:
                handler.destroy()


def _ignore(_: Any) -> None:
    """The event is polled."""


def _taken(handler: Any) -> int:
    if handler is None:
        return 0
    handler._ready_to_take_data = True  # as a wait set would; the status itself can be read at any time
    return int(getattr(handler.take_data(), "total_count_change", 0))
