"""Where a recording is shown, and that nobody else hears of it."""

from __future__ import annotations

import http.client
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from enet_ros.errors import ConfigError
from enet_ros.viewer import LIVE, opened
from enet_ros.viewer.sdk import REQUIREMENT
from enet_ros.viewer.web import policy

REPO = Path(__file__).resolve().parents[2]
needs_rerun = pytest.mark.usefixtures("rerun")


@pytest.fixture
def rerun() -> None:
    pytest.importorskip("rerun", reason="rerun-sdk is not installed")


def test_without_the_sdk_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(ConfigError, match=f"pip install {REQUIREMENT}$"), opened("web", LIVE):
        pass


def test_the_requirement_is_the_one_that_is_written_down() -> None:
    assert REQUIREMENT in (REPO / "requirements/view.txt").read_text().split()
    assert REQUIREMENT in (REPO / "setup.cfg").read_text()


@needs_rerun
def test_other_places_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"--view webb: use web, native or FILE\.rrd"), opened("webb", LIVE):
        pass


@needs_rerun
def test_a_window_needs_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(ConfigError, match="needs a display"), opened("native", LIVE):
        pass


@needs_rerun
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "seen.rrd"
    with pytest.raises(ConfigError, match=f"cannot write {path}"), opened(str(path), LIVE):
        pass


@pytest.fixture
def port() -> Iterator[int]:
    """Free, and so is the next one."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as one:
            number = int(one.getsockname()[1])
            try:
                socket.create_server(("127.0.0.1", number + 1)).close()
            except OSError:
                continue
        yield number
        return


def get(port: int, path: str, host: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": host} if host else {})
    return connection.getresponse()


def family(pid: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from family(int(child))


def listeners() -> dict[int, str]:
    """Port: address, in the kernel's hexadecimal, of the listening TCP sockets of this process and its children."""
    links = [path for pid in family(os.getpid()) for path in Path(f"/proc/{pid}/fd").iterdir()]
    own = {os.readlink(path) for path in links if path.is_symlink()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    pairs = [row[1].split(":") for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own]
    return {int(number, 16): address for address, number in pairs}


@needs_rerun
def test_the_browser_talks_to_this_machine_alone(port: int) -> None:
    before = set(listeners())
    with opened("web", LIVE, port) as window:
        assert window.place == f"http://localhost:{port}"
        new = {number: address for number, address in listeners().items() if number not in before}
        assert {port, port + 1} <= new.keys()
        assert set(new.values()) == {"0100007F"}  # 127.0.0.1
        answer = get(port, "/", host=f"robot.local:{port}")
        assert answer.status == 302
        location = urlsplit(answer.headers["Location"])
        assert parse_qs(location.query)["url"] == [f"rerun+http://robot.local:{port + 1}/proxy"]
        page = get(port, f"/?{location.query}")
        assert page.status == 200 and "text/html" in page.headers["Content-Type"]
        assert b"re_viewer.js" in page.read()
        assert page.headers["Content-Security-Policy"] == policy("127.0.0.1", port + 1)
        assert get(port, "/nowhere").status == 404
    assert not set(listeners()) & {port, port + 1}


@needs_rerun
def test_rerun_keeps_no_statistics_of_its_use(port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    with opened("web", LIVE, port) as window:
        window.arrange([])
        window.recording.flush()
    assert list(tmp_path.rglob("*")) == []
    assert "CI" not in os.environ


@needs_rerun
@pytest.mark.parametrize("above", [0, 1])
def test_a_port_that_is_taken_is_named(port: int, above: int) -> None:
    """Also the data's: whoever listens there gets no picture."""
    taken = f"cannot serve the viewer on 127.0.0.1:{port + above}: .*--view FILE.rrd.* use another --port"
    with (
        socket.create_server(("127.0.0.1", port + above)),
        pytest.raises(ConfigError, match=taken),
        opened("web", LIVE, port),
    ):
        pass


@needs_rerun
def test_another_address_of_this_machine_is_served(port: int) -> None:
    with opened("web", LIVE, port, "127.0.0.2") as window:
        assert window.place == f"http://127.0.0.2:{port}"
        found = listeners()
        assert {found[port], found[port + 1]} == {"0200007F"}


def test_a_page_may_load_and_send_to_its_own_machine_alone() -> None:
    rules = dict(rule.split(" ", 1) for rule in policy("robot", 9091).split("; "))
    assert rules["default-src"] == "'self'"
    assert rules["connect-src"].split() == ["'self'", "data:", "blob:", "http://robot:9091"]
    assert not any("https" in rule or "*" in rule for rule in rules.values())
