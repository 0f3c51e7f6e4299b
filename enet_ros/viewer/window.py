"""Where a recording is shown: in the browser, in Rerun's own window, or in a file."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from enet_ros.errors import ConfigError
from enet_ros.viewer.blueprint import blueprint
from enet_ros.viewer.sdk import rerun
from enet_ros.viewer.web import LOOPBACK, REMEDY, require_free, served

WEB, NATIVE = "web", "native"
HELP = "where to look: web (a page for the browser), native (Rerun's own window), or FILE.rrd to save it"
PORT = 9090
"""Of the page; the one above it is the data's."""
_EVERY = "0.0.0.0"
"""The address that stands for all of this machine."""
_MEMORY = "512MiB"
"""Kept for a browser that comes later; the oldest goes first."""
_START_S = 60.0


class Window(NamedTuple):
    """A recording (rerun.RecordingStream) that is shown. place: where, for people; timeline: shown first.

    lasting: the viewer is there as long as this process.
    """

    recording: Any
    place: str
    timeline: str
    lasting: bool

    def arrange(self, cameras: Sequence[str]) -> None:
        """Lay the views out for these cameras, in place of what there was."""
        self.recording.send_blueprint(blueprint(cameras, self.timeline))


@contextmanager
def opened(where: str, timeline: str, port: int = PORT, bind: str = LOOPBACK) -> Iterator[Window]:
    """A window for a new recording, until the block ends; Rerun's own window stays open.

    where: 'web', 'native', or the path of a .rrd file. timeline: shown first, of `blueprint`. port, bind: where the
    browser's page listens, and one port above it the data. Raises ConfigError where nothing can be shown there.
    """
    recording = rerun().RecordingStream("enet_ros")
    near = LOOPBACK if bind == _EVERY else bind
    data = f"rerun+http://{near}:{port + 1}/proxy"
    with ExitStack() as stack:
        if where.endswith(".rrd"):
            _save(recording, Path(where))
        elif where == WEB:
            for needed in (port, port + 1):
                require_free(bind, needed)
            stack.enter_context(_data_server(bind, near, port))
            stack.enter_context(_page(bind, port, data))
            recording.connect_grpc(data)
        elif where == NATIVE:
            _require_display()
            require_free(LOOPBACK, port + 1)
            arguments = ("--port", str(port + 1), "--bind", LOOPBACK, "--hide-welcome-screen", "--expect-data-soon")
            _wait_for(LOOPBACK, port + 1, _start(*arguments))
            recording.connect_grpc(data)
        else:
            raise ConfigError(f"--view {where}: use {WEB}, {NATIVE} or FILE.rrd")
        stack.callback(recording.disconnect)  # first of all: what is under way arrives
        host = "localhost" if near == LOOPBACK else near
        yield Window(recording, f"http://{host}:{port}" if where == WEB else where, timeline, where == WEB)


def _save(recording: Any, path: Path) -> None:
    try:
        path.touch()
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}; name another file") from error
    recording.save(path)


@contextmanager
def _data_server(bind: str, near: str, port: int) -> Iterator[None]:
    """Keeps what is logged for the browsers, on the port above the page's. near: where this machine reaches `bind`."""
    # Rerun lets in pages from localhost alone; whom `bind` lets in comes from this page.
    origin = f"http://*:{port}"
    arguments = ("--serve-grpc", "--bind", bind, "--port", str(port + 1), "--cors-allow-origin", origin)
    with _running(near, port + 1, *arguments, "--server-memory-limit", _MEMORY):
        yield


@contextmanager
def _page(bind: str, port: int, data: str) -> Iterator[None]:
    """Rerun's page, on loopback alone, and ours before it."""
    with socket.create_server((LOOPBACK, 0)) as probe:
        inner = int(probe.getsockname()[1])
    arguments = ("--serve-web", "--bind", LOOPBACK, "--web-viewer-port", str(inner), data)
    with _running(LOOPBACK, inner, *arguments), served(bind, port, port + 1, inner):
        yield


def _require_display() -> None:
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ConfigError(f"--view {NATIVE} needs a display, and there is none: use {WEB} or FILE.rrd")


@contextmanager
def _running(host: str, port: int, *arguments: str) -> Iterator[None]:
    """A Rerun process that listens there, until the block ends."""
    child = _start(*arguments)
    try:
        _wait_for(host, port, child)
        yield
    finally:
        child.kill()  # it has nothing to tidy up, and may have inherited that SIGTERM is held back
        child.wait()


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    """Rerun, which under CI sends no statistics of its use."""
    program = Path(rerun("rerun_cli").__file__).parent / "rerun"
    environment = {**os.environ, "CI": "1", "RUST_LOG": "error"}
    # In a session of its own, so that Ctrl-C reaches this process first.
    return subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL, env=environment, start_new_session=True)


def _wait_for(host: str, port: int, child: subprocess.Popen[bytes]) -> None:
    """Until the process listens. Raises ConfigError."""
    end_s = time.monotonic() + _START_S
    while child.poll() is None and time.monotonic() < end_s:
        with suppress(OSError), socket.create_connection((host, port), 1.0):
            return
        time.sleep(0.05)
    child.kill()
    raise ConfigError(f"Rerun does not listen on {host}:{port}: {REMEDY}")
