"""Real processes on small images: what comes back, not how fast."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the reference runs on torch: pip install torch")
pytest.importorskip("openvino", reason="pip install openvino")

import numpy as np

from enet_ros.benchmark import Case, Frames, Settings, from_street, measure
from enet_ros.classes import CAMVID
from enet_ros.errors import EngineError
from enet_ros.model_file import resolve

SIZE = (64, 96)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_engines_take_turns() -> None:
    street = from_street(2)
    frames = Frames("test", street.images, tuple(np.zeros((30, 40), np.uint8) for _ in street.images), CAMVID)
    cases = [
        Case("openvino", "openvino", "fp32", SIZE),
        Case("onnxruntime", "onnxruntime", "bf16", SIZE),
        Case("pytorch_eager", "", "fp32", SIZE),
    ]
    turns: list[int] = []
    rows, skipped = measure(cases, frames, Settings(resolve("camvid"), 1, runs=5, rounds=2), turns.append)
    assert turns == [2, 2, 3, 3]
    assert [row.name for row in rows] == ["openvino", "pytorch_eager"]
    for row in rows:
        assert (row.height, row.width, row.runs, row.threads) == (*SIZE, 5, 1)
        assert 0 < row.p50_ms <= row.p99_ms
        assert row.labels_equal is not None and row.labels_equal >= 0.9999
        assert row.miou is not None and 0 <= row.miou < 0.5
    ((case, reason),) = skipped
    assert case == cases[1] and "bf16" in reason


def test_a_process_that_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(EngineError, match="ended with code 1"):
        measure(
            [Case("openvino", "openvino", "fp32", SIZE)],
            Frames("t", (np.zeros((8, 8, 3), np.uint8),)),
            Settings(resolve("camvid"), 1),
        )
