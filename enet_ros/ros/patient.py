"""Services that answer when they are ready, from any thread, while the executor goes on.

rclpy has coroutines for that, but Jazzy's EventsExecutor does not know them, and Kilted's resumes one that waits over
and over, on a core of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from rclpy.exceptions import InvalidHandle
from rclpy.node import Node


class _Asked(NamedTuple):
    """What the executor is given in the place of a response."""

    request: Any
    response: Any


def create_service(
    node: Node, kind: type, name: str, begin: Callable[[Any, Any, Callable[[Any], None]], None], **options: Any
) -> None:
    """Create a service that calls `begin` with request, empty response, and what sends a response, once, at any time.

    options: those of the node's create_service. A response for a node that has been destroyed goes nowhere.
    """
    service: Any = node.create_service(kind, name, _Asked, **options)
    send = service.send_response

    def reply(response: Any, header: Any) -> None:
        with suppress(InvalidHandle):
            send(response, header)

    def take(asked: _Asked, header: Any) -> None:
        """Every executor calls this with what the callback has returned, and with where the answer is to go."""
        begin(asked.request, asked.response, lambda response: reply(response, header))

    service.send_response = take
