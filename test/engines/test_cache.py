"""Cached engines: found again, rebuilt when stale, kept out of the way when the folder cannot be written."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from enet_ros import spec
from enet_ros.engines import cache
from enet_ros.engines.cache import CacheKey

KEY = CacheKey("openvino", "ab" * 32, "360x480-f32-labels", "OpenVINO 2026.4.1", "CPU: some", "0123")


def test_what_is_written_is_read(cache_home: Path) -> None:
    path = cache.write(KEY, b"engine")
    assert path.parent == cache_home and cache.read(KEY) == b"engine"


def test_nothing_there(cache_home: Path) -> None:
    assert cache.read(KEY) is None


@pytest.mark.parametrize(
    ("field", "value"), [("runtime", "OpenVINO 2027.0"), ("device", "CPU: other"), ("graph", "4567")]
)
def test_a_stale_engine_is_not_used_and_the_log_says_why(
    field: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write(KEY, b"engine")
    with caplog.at_level(logging.INFO):
        assert cache.read(KEY._replace(**{field: value})) is None
    assert f"it is for {field}" in caplog.text and value in caplog.text


def test_another_model_or_variant_is_another_file() -> None:
    paths = {
        cache.entry(key) for key in (KEY, KEY._replace(model="cd" * 32), KEY._replace(variant="720x1280-f32-labels"))
    }
    assert len(paths) == 3


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: d[:-1] + b"?", lambda d: b"foreign", lambda d: b""])
def test_a_damaged_engine_is_not_used(damage, caplog: pytest.LogCaptureFixture) -> None:
    path = cache.write(KEY, b"engine")
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.INFO):
        assert cache.read(KEY) is None
    assert "building anew" in caplog.text


def test_an_unwritable_cache_is_one_warning_with_a_remedy(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    for _ in range(2):
        assert cache.write(KEY, b"engine", blocked) is None
        assert cache.read(KEY, blocked) is None
    assert not cache.writable(blocked)
    (line,) = caplog.messages
    assert line.startswith(f"cannot write the engine cache {blocked}: ") and "XDG_CACHE_HOME" in line


def test_threads_that_write_one_engine_at_once_do_not_disturb_one_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    payload = bytes(1_000_000)
    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(lambda _: cache.write(KEY, payload, tmp_path), range(64)))
    assert written == [cache.entry(KEY, tmp_path)] * 64 and caplog.messages == []
    assert cache.read(KEY, tmp_path) == payload and len(list(tmp_path.iterdir())) == 1


FULL = """
import logging, resource, signal, sys
from pathlib import Path
from enet_ros.engines import cache
logging.basicConfig(level=logging.WARNING)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
key = cache.CacheKey("openvino", "0" * 64, "v", "r", "d", "g")
assert cache.write(key, bytes(100_000), Path(sys.argv[1])) is None
"""


def test_a_disk_that_fills_up_is_a_warning_and_leaves_nothing(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "cannot write the engine cache" in ended.stderr and list(tmp_path.iterdir()) == []


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert cache.write(KEY, b"engine") is None and cache.read(KEY) is None


def test_a_relative_xdg_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.cache_dir() == Path(os.path.expanduser("~/.cache/enet_ros"))


PACKAGE = Path(cache.__file__).parent
SOURCES = [*sorted((PACKAGE / "graph").rglob("*.py")), Path(spec.__file__)]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_key_changes_with_every_file_that_decides_the_graph(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, before = Path.read_bytes, cache.graph_digest()
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path.resolve() == source.resolve()))
    cache.graph_digest.cache_clear()
    try:
        assert cache.graph_digest() != before
    finally:
        cache.graph_digest.cache_clear()
