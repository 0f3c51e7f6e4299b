"""Child processes of the demo and of live evaluation: a node and a player, ended whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import IO

from enet_ros.ros import fastdds

GRACE_S = 3.0
"""Between SIGINT and SIGKILL."""


def environment() -> dict[str, str]:
    """This process's, with our Fast DDS profile unless there is one."""
    return {**fastdds.environment(), **os.environ}


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

    def start(
        self, module: str, arguments: Sequence[str], stdout: int | IO[str] | None = None, stderr: IO[str] | None = None
    ) -> subprocess.Popen[str]:
        """`python -m module arguments`."""
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        self._running.append(child)
        return child

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


class SentReport:
    """Reads what `play --report` says: which picture has which stamp."""

    def __init__(self, player: subprocess.Popen[str]) -> None:
        self.names: dict[int, str] = {}
        """stamp_ns -> name of the picture, in the order of sending."""
        self._stream = player.stdout
        self._thread = threading.Thread(target=self._read, name="report", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Until the player has closed its output."""
        self._thread.join()

    def _read(self) -> None:
        for line in self._stream or ():
            values = json.loads(line)
            self.names[int(values["stamp_ns"])] = str(values["name"])
