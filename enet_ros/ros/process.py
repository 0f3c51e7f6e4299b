"""A ROS process: signals, transport, memory and rclpy around its nodes, an executor in a thread of its own for each.

Only the standard library at module level, so that signals are held back before anything slow is imported.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from enet_ros import files
from enet_ros.memory import keep_pages
from enet_ros.ros import shared_memory

__all__ = ["RosProcess", "Spinner", "keep_pages", "make_executor", "running", "spin", "use_profile"]

if TYPE_CHECKING:
    from rclpy.executors import Executor
    from rclpy.node import Node

EXIT_S = 1.7
"""Seconds after a signal at which the process ends even if a runtime is still compiling a model."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
"""Read by Fast DDS 3 (Kilted and later) and by Fast DDS 2. Kilted warns of the second and loads both."""


class RosProcess:
    """What `running` yields: it spins nodes, and knows when it is time to end."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        """Set by SIGINT or SIGTERM, or by `fail`."""
        self.failed = False
        self._spinners: list[Spinner] = []

    def fail(self) -> None:
        """End the process with an error: an exception has left a node's callback."""
        self.failed = True
        self.stopped.set()

    def create_node(self, name: str, **options: Any) -> Node:
        """A node as `rclpy.create_node` makes it, spun until the process ends, which destroys it."""
        import rclpy

        spinner = Spinner(rclpy.create_node(name, **options), "auto", self.fail)
        spinner.start()
        self._spinners.append(spinner)
        return spinner.node

    def end(self) -> None:
        """End all nodes."""
        for spinner in self._spinners:
            spinner.end()


@contextmanager
def running(
    args: list[str] | None = None, *, exit_s: float | None = EXIT_S, pages: bool = True
) -> Iterator[RosProcess]:
    """Hold signals back, use our Fast DDS profile, clean up after killed processes, start rclpy.

    At the end take down what is spun, then rclpy.

    args: rclpy's command line, sys.argv where None. exit_s: None where there are child processes to be ended first,
    else the process ends so many seconds after a signal, come what may. pages: let glibc keep freed image buffers.
    Raises SystemExit with the reason, which ends the process with 1, for ROS arguments that rcl refuses.
    """
    process = RosProcess()
    _on_signal(process.stopped.set, exit_s)
    use_profile()
    shared_memory.clean()
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # a parameter file that is missing or no YAML, a wrong remapping, keys of SROS2
        raise SystemExit(f"{os.path.basename(sys.argv[0])}: {error}") from error
    if pages:
        keep_pages()
    try:
        yield process
    finally:
        process.end()
        rclpy.try_shutdown()


def profile_variable() -> str:
    """The environment variable that names a Fast DDS profile in this distribution."""
    return _PROFILE_VARIABLES[os.environ.get("ROS_DISTRO") in ("humble", "iron", "jazzy")]


def use_profile() -> None:
    """Use our Fast DDS profile in this process and those it starts, unless the user has one of their own.

    To be called before the first node is made. The profile of the SENDING process decides whether images arrive; Fast
    DDS's own defaults lose them.
    """
    profile = files.installed("config", "fastdds.xml")
    if profile is not None and not any(os.environ.get(name) for name in _PROFILE_VARIABLES):
        os.environ[profile_variable()] = str(profile)


class Spinner:
    """Spins one node in a thread of its own, so that no node waits for another's callbacks.

    `failed` is called where an exception leaves a callback, after the log has it: a node that goes silent among others
    that answer is worse than a process that ends and is started again.
    """

    def __init__(self, node: Node, executor: str = "auto", failed: Callable[[], None] = lambda: None) -> None:
        """executor: as `make_executor` takes it. The node is not spun before `start`. Raises ConfigError."""
        self.node = node
        self._failed = failed
        self._ended = threading.Event()
        self._executor = make_executor(executor)
        self._executor.add_node(node)
        self._thread = threading.Thread(target=self._run, name=f"{node.get_name()}_spin", daemon=True)

    def start(self) -> None:
        """Begin to spin."""
        self._thread.start()

    def end(self) -> None:
        """Stop spinning and destroy the node."""
        self._ended.set()
        self._executor.wake()
        self._thread.join()
        self._executor.remove_node(self.node)
        self.node.destroy_node()

    def _run(self) -> None:
        try:
            spin(self._executor, self._ended)
        except Exception:  # noqa: BLE001 - logged, and the process ends
            name = self.node.get_fully_qualified_name()
            self.node.get_logger().fatal(f"{name} has ended:\n{traceback.format_exc()}")
            self._failed()


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
    """Spin until `stopped` is set; wake the executor then. EventsExecutor.spin() would take a whole core."""
    while not stopped.is_set():
        executor.spin_once(timeout_sec=1.0)


def _on_signal(stop: Callable[[], None], exit_s: float | None) -> None:
    """Have a thread call `stop` at SIGINT or SIGTERM. To be called in the main thread, before others are started.

    This thread and those it starts block the signals, so that no exception and no interrupted system call appears in
    the middle of something. The handler does nothing itself, since it waits for the main thread: Python writes a byte
    to the pipe whichever thread takes the signal. A handler also makes SIGINT heard in a script's background jobs,
    which shells have ignore it.
    """
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    for number in _SIGNALS:
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def wait() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        while os.read(heard, 1)[0] not in _SIGNALS:
            pass  # another that somebody has a handler for, such as SIGCHLD
        if exit_s is not None:
            watchdog = threading.Timer(exit_s, _end_now)
            watchdog.daemon = True
            watchdog.start()
        stop()

    threading.Thread(target=wait, name="signals", daemon=True).start()


def _end_now() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
