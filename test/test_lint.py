"""Lint, format and types, run as tests: ruff over everything, mypy --strict over the package."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


def run(*command: str) -> None:
    tool = command[0]
    pytest.importorskip(tool, reason=f"{tool} is not installed: pip install -r requirements/test.txt")
    done = subprocess.run([sys.executable, "-m", *command], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff() -> None:
    run("ruff", "check", "--no-cache", "--output-format=concise", ".")


def test_ruff_format() -> None:
    run("ruff", "format", "--no-cache", "--check", ".")


def test_mypy_strict() -> None:
    pytest.importorskip("torch", reason="torch is not installed: its types are part of the check")
    pytest.importorskip("rclpy", reason="rclpy is not importable: its types are part of the check")
    run("mypy", "--cache-dir", str(REPO / ".mypy_cache"))


@pytest.mark.parametrize("script", ["run", ".ci/run", "docker/install.sh", "docker/entrypoint.sh"])
def test_shell_scripts_parse(script: str) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    done = subprocess.run(["bash", "-n", REPO / script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in REPO.glob("enet_ros/**/*.py")}
    assert {str(path.relative_to(REPO)): n for path, n in lengths.items() if n > 350} == {}
