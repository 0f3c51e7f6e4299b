"""What a process of nodes needs around them: memory, signals, an executor.

Only the standard library at module level, so that signals are held back before anything slow is imported.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from enet_ros.memory import keep_pages
from enet_ros.ros import fastdds

__all__ = ["begin", "hold_signals", "keep_pages", "make_executor", "on_signal", "spin"]

if TYPE_CHECKING:
    from rclpy.executors import Executor

EXIT_S = 1.7
"""Seconds after a signal at which the process ends even if a runtime is still compiling a model."""
_SIGNALS = {signal.SIGINT, signal.SIGTERM}


def hold_signals() -> None:
    """Block SIGINT and SIGTERM in this thread and those it starts; `on_signal` waits for them.

    So no exception can appear in the middle of something, and nothing depends on the interpreter's main thread. Shells
    have a script's background jobs ignore SIGINT, and threads of before do not block it: it is heard again.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def on_signal(stop: Callable[[], None], exit_s: float | None = EXIT_S) -> None:
    """Call `stop` in a thread on SIGINT or SIGTERM; end the process with 0 if it has not ended by itself in exit_s."""

    def wait() -> None:
        signal.sigwait(_SIGNALS)
        if exit_s is not None:
            watchdog = threading.Timer(exit_s, _end_now)
            watchdog.daemon = True
            watchdog.start()
        stop()

    threading.Thread(target=wait, name="signals", daemon=True).start()


def begin() -> threading.Event:
    """What comes before slow imports: signals held back, the Fast DDS profile. The event is set by a signal."""
    hold_signals()
    fastdds.use_profile()
    stopped = threading.Event()
    on_signal(stopped.set)
    return stopped


def _end_now() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def make_executor(choice: str) -> Executor:
    """choice: 'events' (ConfigError where rclpy has none), 'single', or 'auto' for the first of them that there is."""
    from rclpy.executors import SingleThreadedExecutor

    from enet_ros.errors import ConfigError

    if choice in ("auto", "events"):
        try:
            from rclpy.experimental.events_executor import EventsExecutor
        except ImportError:
            if choice == "events":
                raise ConfigError("this rclpy has no EventsExecutor (Kilted has one): use executor single") from None
        else:
            return EventsExecutor()
    return SingleThreadedExecutor()


def spin(executor: Executor, stopped: threading.Event) -> None:
    """Until `stopped`; wake the executor after setting it. EventsExecutor.spin() would take a whole core."""
    while not stopped.is_set():
        executor.spin_once(timeout_sec=1.0)
