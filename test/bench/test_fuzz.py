"""Every target of bench/fuzz.py runs; a few hostile cases of each end in an answer or in an error of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "bench" / "fuzz.py"


@pytest.mark.parametrize("target", ["image", "compressed", "camera_info", "model", "table", "cache", "bag"])
def test_a_few_cases_of(target: str) -> None:
    command = [sys.executable, FUZZ, "--targets", target, "--cases", "60", "--seed", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{target}: 60 cases: ")
