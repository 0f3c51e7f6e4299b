"""Nothing leaves the robot: what real runs ask of the system, and what they write into the user's home."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from enet_ros.engines import ENGINES

REPO = Path(__file__).resolve().parents[2]
RUNTIMES = ("openvino", "onnxruntime")
ENGINE = """
import sys
import numpy as np
from enet_ros import engines, model_file

engine = engines.create(sys.argv[1], model_file.resolve("camvid"), size=(64, 64), confidence=True)
engine.infer(np.zeros((64, 64, 3), np.uint8), confidence=True)
engine.close()
"""
VERB = "import sys; from enet_ros.cli import main; sys.exit(main())"
VERBS = {
    "evaluate": "--images frames --labels labels --classes camvid --size 64x64 --engine {engine}",
    "label": "bag labelled --engine {engine}",
    "export": "--format onnx --size 64x64 --precision int8 --calibration frames -o small.onnx",
    "export openvino": "--format openvino --size 64x64 -o small.xml",
    "bench": "--engines openvino onnxruntime --peers openvino_plain onnxruntime_plain --sizes 64x64 --runs 1 --rounds 1"
    " --frames 1",
}
TRAFFIC = r"(connect|send\w+)\(.*AF_INET"  # a socket alone is no traffic: libuuid asks one for the MAC address
BEYOND_DDS = r'(connect|send\w+)\(.*AF_INET.*inet_addr\("(?!127\.|239\.255\.)'
IMPORTS = """
import importlib, os, sys
importlib.import_module(sys.argv[1])
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
assert sys.modules["openvino_telemetry"] is None
"""


def strace() -> list[str]:
    """Begins a command whose system calls are watched, those of its children too."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: apt install strace")
    tried = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip("this machine lets no process trace another")
    calls = "trace=socket,connect,sendto,sendmsg,sendmmsg,open,openat"
    return ["strace", "-f", "-qq", "-s", "512", "-e", calls, "-o", "trace"]


def environment(home: Path) -> dict[str, str]:
    """That of a user who has just been created, with the cache elsewhere; without CI, in which OpenVINO is quiet."""
    (home / "user").mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD", "JENKINS_URL")}
    kept.pop("ORT_DISABLE_TELEMETRY", None)
    ros = {"ROS_LOG_DIR": str(home / "log"), "PYTHONPATH": os.pathsep.join([str(REPO), kept.get("PYTHONPATH", "")])}
    return kept | {"HOME": str(home / "user"), "XDG_CACHE_HOME": str(home / "cache")} | ros


def run(home: Path, *command: str) -> None:
    """To its end, in the folder of that user."""
    ended = subprocess.run(command, env=environment(home), cwd=home, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def check(home: Path, traffic: str) -> None:
    """No call of the trace is such traffic or looks a name up, and the user's folders hold our engines alone."""
    lines = (home / "trace").read_text(errors="replace").splitlines()
    assert any("libopenvino" in line or "onnxruntime" in line or "libtorch" in line for line in lines), "nothing ran"
    assert [line for line in lines if re.search(rf"resolv\.conf|/etc/hosts|{traffic}", line)] == []
    left = [path for path in (home / "user").rglob("*") if path.is_file()]
    assert left + [p for p in (home / "cache").rglob("*") if p.is_file() and p.suffix != ".engine"] == []


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "tensorrt"])
def test_an_engine_talks_to_nobody(name: str, tmp_path: Path) -> None:
    pytest.importorskip(ENGINES[name].packages[0], reason=f"{name} is not installed")
    command = [*strace(), sys.executable, "-c", ENGINE, name]
    ended = subprocess.run(
        command, env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    check(tmp_path, TRAFFIC)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_talks_to_nobody(verb: str, tmp_path: Path) -> None:
    command, arguments = verb.split()[0], VERBS[verb].format(engine="openvino" if verb == "label" else "onnxruntime")
    pictures(tmp_path)
    if verb == "label":
        run(tmp_path, sys.executable, "-c", VERB, "bag", "create", "bag", "--images", "frames", "--fov", "60")
    run(tmp_path, *strace(), sys.executable, "-c", VERB, command, *arguments.split())
    check(tmp_path, TRAFFIC)


def test_a_node_talks_to_its_own_network_alone(ros_domain: int, tmp_path: Path) -> None:
    pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
    parameters = [word for p in ("engine:=openvino", "input_height:=64", "input_width:=64") for word in ("-p", p)]
    command = [*strace(), sys.executable, "-m", "enet_ros.ros.node.main", "--ros-args", *parameters]
    process = subprocess.Popen(
        command,
        env=environment(tmp_path),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    output = ""
    while "ready after" not in output and (line := process.stdout.readline()):
        output += line
    assert "ready after" in output, output
    time.sleep(1.0)
    os.killpg(process.pid, signal.SIGINT)  # strace itself lets it pass
    output += process.communicate()[0]
    assert 'inet_addr("127.0.0.1")' in (tmp_path / "trace").read_text(errors="replace"), "DDS was not seen"
    check(tmp_path, BEYOND_DDS)


def pictures(folder: Path) -> None:
    """Three frames and their labels."""
    for name in ("frames", "labels"):
        (folder / name).mkdir()
    for seed in range(3):
        rng = np.random.default_rng(seed)
        cv2.imwrite(str(folder / "frames" / f"{seed}.png"), rng.integers(0, 256, (64, 64, 3), np.uint8))
        cv2.imwrite(str(folder / "labels" / f"{seed}.png"), rng.integers(0, 11, (64, 64), np.uint8))


def importers() -> list[str]:
    """The modules of the package that import a runtime, at their top or in a function."""
    found = []
    for path in sorted((REPO / "enet_ros").rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        if any(name.partition(".")[0] in RUNTIMES for name in names):
            found.append(".".join(path.relative_to(REPO).with_suffix("").parts))
    return found


def test_runtimes_are_imported_by_engines_and_peers() -> None:
    assert {"enet_ros.engines.openvino", "enet_ros.engines.onnxruntime", "enet_ros.benchmark.peers"} <= set(importers())


@pytest.mark.parametrize("module", importers())
def test_telemetry_is_off_wherever_a_runtime_is_imported(module: str) -> None:
    ended = subprocess.run([sys.executable, "-c", IMPORTS, module], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
