"""Nothing leaves the robot: what a real run of each engine asks of the system, and writes into the user's home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from enet_ros.engines import ENGINES

RUN = """
import sys
import numpy as np

def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"):
        sys.exit(f"{event} {arguments}")

sys.addaudithook(watch)
from enet_ros import engines, model_file

engine = engines.create(sys.argv[1], model_file.resolve("camvid"), size=(64, 64), confidence=True)
engine.infer(np.zeros((64, 64, 3), np.uint8), confidence=True)
engine.close()
"""

IMPORTS = """
import importlib, os, sys
importlib.import_module(sys.argv[1])
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
assert sys.modules["openvino_telemetry"] is None
"""


def environment(home: Path) -> dict[str, str]:
    """Of a user who has just been created, with the cache elsewhere; no CI, where OpenVINO would be quiet."""
    (home / "user").mkdir()
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD", "JENKINS_URL")}
    kept.pop("ORT_DISABLE_TELEMETRY", None)
    return kept | {"HOME": str(home / "user"), "XDG_CACHE_HOME": str(home / "cache")}


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "tensorrt"])
def test_an_engine_talks_to_nobody(name: str, tmp_path: Path) -> None:
    pytest.importorskip(ENGINES[name].packages[0], reason=f"{name} is not installed: {ENGINES[name].install}")
    trace = tmp_path / "trace"
    command = [sys.executable, "-c", RUN, name]
    if shutil.which("strace") and can_trace():
        calls = "trace=socket,connect,sendto,sendmsg,open,openat"
        command = ["strace", "-f", "-qq", "-e", calls, "-o", str(trace), *command]
    ended = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    left = [str(path) for path in (tmp_path / "user").rglob("*") if path.is_file()]
    left += [str(path) for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".engine"]
    assert left == []
    if trace.exists():
        lines = trace.read_text(errors="replace").splitlines()
        assert any("AF_UNIX" in line or "openat(" in line for line in lines)
        assert [line for line in lines if "AF_INET" in line or "resolv.conf" in line or "/etc/hosts" in line] == []


def can_trace() -> bool:
    """Whether this machine lets one process trace another; containers may not."""
    tried = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return tried.returncode == 0


@pytest.mark.parametrize("module", ["enet_ros.engines.export", "enet_ros.benchmark.peers", "enet_ros.cli.evaluate"])
def test_telemetry_is_off_before_a_runtime_is_imported(module: str) -> None:
    ended = subprocess.run([sys.executable, "-c", IMPORTS, module], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
