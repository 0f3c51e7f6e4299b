"""Fixtures shared by all tests: where data lies, and a DDS domain that no other test uses."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import enet_ros.engines  # noqa: F401 - switches telemetry off before a test imports a runtime
from enet_ros.codec import compress

REPO = Path(__file__).resolve().parent.parent
sys.path.append(str(REPO / "test"))  # helpers of several rooms
DATA = Path(os.environ.get("ENET_ROS_DATA", REPO.parent / "shared" / "data"))

# Domain 0 is the user's own; above 101 the ports run into Linux's ephemeral range.
DOMAINS = range(1, 102)


def _data(name: str) -> Path:
    path = DATA / name
    if not path.is_dir():
        pytest.skip(f"no test data: {path} is missing (ENET_ROS_DATA names the folder that holds {name}/)")
    return path


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home of this run's own, so that nothing is written into the user's; what does not follow XDG is told."""
    folder = tmp_path_factory.mktemp("home")
    kept = {"XDG_CACHE_HOME": "cache", "XDG_CONFIG_HOME": "config", "ROS_LOG_DIR": "log"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        for variable, name in kept.items():
            patch.setenv(variable, str(folder / name))
        yield
    assert {path.name for path in folder.iterdir()} <= set(kept.values())


@pytest.fixture(scope="session")
def camvid_dir() -> Path:
    """The CamVid folder: {train,val} with images and labels."""
    return _data("camvid")


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """Other projects' published ENet weights."""
    return _data("weights")


@pytest.fixture(scope="session")
def video_dir() -> Path:
    """Recorded driving video."""
    return _data("video")


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A ROS process blocks SIGINT and SIGTERM to its end; run inside a test, it leaves them as they were."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        if handler is not None:  # None: not set from Python
            signal.signal(number, handler)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _is_inhabited(domain: int) -> bool:
    """Whether a node is in a DDS domain on this machine: it holds UDP ports of the domain's range (DDSI-RTPS 9.6.2)."""
    first = 7400 + 250 * domain + 10
    for port in range(first, first + 2 * 32):  # of 32 participants
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                return True
    return False


@pytest.fixture
def ros_domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Claims a ROS_DOMAIN_ID for this test and the processes it starts, against other running tests and nodes too."""
    for domain in random.sample(DOMAINS, len(DOMAINS)):
        with open(f"/tmp/enet_ros_test_domain_{domain}.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if _is_inhabited(domain):
                continue
            monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
            monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
            yield domain
            return
    pytest.fail("all DDS domains are taken by other test runs or nodes: end one of them")


@pytest.fixture
def ros(ros_domain: int) -> Iterator[int]:
    """rclpy, initialised in a domain of its own; shut down afterwards."""
    rclpy = pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
    rclpy.init(args=[])
    yield ros_domain
    rclpy.try_shutdown()


@pytest.fixture
def stream() -> Iterator[Callable[..., str]]:
    """stream(number of frames, 0 for no end; whether to fall silent then): URL of a live camera of 64x48.

    MJPEG over HTTP, a frame every 0.02 s; frame n is grey, 8 + n % 30 * 8.
    """
    servers: list[ThreadingHTTPServer] = []
    ended = threading.Event()

    def serve(frames: int = 0, silent: bool = False) -> str:
        pictures = [compress(np.full((48, 64, 3), 8 + 8 * n, np.uint8), "jpeg", 95) for n in range(30)]

        class Camera(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                number = 0
                while not ended.is_set() and (number < frames or not frames):
                    picture = pictures[number % 30]
                    head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
                    try:
                        self.wfile.write(head + picture + b"\r\n")
                    except OSError:
                        return
                    number += 1
                    ended.wait(0.02)
                if silent:
                    ended.wait()

            def log_message(self, format: str, *args: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Camera))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://user:secret@127.0.0.1:{servers[-1].server_address[1]}/stream.mjpg"

    yield serve
    ended.set()
    for server in servers:
        server.shutdown()
        server.server_close()
