"""Child processes of a session, ended whatever happens; the segmentation node is one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO

GRACE_S = 5.0
"""Between SIGINT and SIGKILL."""


class Children:
    """Starts Python modules as processes, in sessions of their own, so that Ctrl-C reaches this process first."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, module: str, arguments: Sequence[str], log: IO[str] | None = None) -> subprocess.Popen[str]:
        """`python -m module arguments`. log: what it prints; ours where None."""
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        self._running.append(child)
        return child

    def start_node(
        self, parameters: Mapping[str, object], remappings: Mapping[str, str], log: IO[str] | None = None
    ) -> subprocess.Popen[str]:
        """A segmentation node. remappings: {from: to}, those of its name and namespace (__node, __ns) too."""
        arguments = ["--ros-args"]
        for flag, pairs in (("-r", remappings), ("-p", parameters)):
            arguments += [part for name, value in pairs.items() for part in (flag, f"{name}:={value}")]
        return self.start("enet_ros.ros.node.main", arguments, log)

    def stop(self) -> None:
        """End all of them, first politely."""
        for child in self._running:
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
        for child in self._running:
            try:
                child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._running.clear()
