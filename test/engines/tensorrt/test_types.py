"""Calls into TensorRT held to type stubs of its API, since nothing here can run all of them."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[3]
MODULES = sorted((REPO / "enet_ros" / "engines" / "tensorrt").glob("*.py"))
CONFIG = """\
[mypy]
strict = true
explicit_package_bases = true
mypy_path = {stubs}
[mypy-tensorrt.*,tensorrt_bindings.*]
ignore_errors = true
[mypy-openvino.*,onnxruntime.*,torch.*]
ignore_missing_imports = true
follow_imports = skip
"""


@pytest.fixture(scope="session")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stubs, made to parse: 10.13's have parameters named `in` and one without a default behind some with."""
    pytest.importorskip("mypy", reason="mypy is not installed: pip install -r requirements/test.txt")
    spec = find_spec("tensorrt_stubs")
    if spec is None or spec.origin is None:
        pytest.skip("the stubs are not installed: pip install --no-deps tensorrt-stubs")
    site, folder = Path(spec.origin).parent.parent, tmp_path_factory.mktemp("stubs")
    for name in ("tensorrt", "tensorrt_bindings"):
        shutil.copytree(site / name, folder / name, ignore=lambda at, names: [n for n in names if n[-4:] != ".pyi"])
    path = folder / "tensorrt_bindings" / "tensorrt.pyi"
    text = re.sub(r"(power: Weights = None, channel_axis: int)\)", r"\1 = ...)", path.read_text())
    text = re.sub(r"\bin: ", "in_: ", text)
    ast.parse(text)
    path.write_text(text)
    return folder


def check(stubs: Path, tmp_path: Path, *files: Path) -> tuple[int, str]:
    config = tmp_path / "mypy.ini"
    config.write_text(CONFIG.format(stubs=stubs))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", config, "--cache-dir", stubs / "cache", *files],
        cwd=REPO, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_calls_are_those_of_the_api(stubs: Path, tmp_path: Path) -> None:
    code, text = check(stubs, tmp_path, *MODULES)
    assert code == 0, text


def test_a_wrong_call_is_found(stubs: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from enet_ros.engines.tensorrt.build import trt\ntrt.Runtime(3).deserialise(b'')\n")
    code, text = check(stubs, tmp_path, wrong)
    assert code == 1 and "deserialise" in text and "Argument 1" in text
