"""Real processes on small images: what comes back, not how fast."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the reference runs on torch: pip install torch")
pytest.importorskip("openvino", reason="pip install openvino")

import numpy as np

from enet_ros.benchmark import Case, Settings, measure
from enet_ros.benchmark.measure import _images_at, _miou
from enet_ros.classes import CAMVID
from enet_ros.errors import EngineError
from enet_ros.frames import Frame, Source
from enet_ros.frames.street import from_street
from enet_ros.model_file import resolve

SIZE = (64, 96)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def source_of(frames: list[Frame]) -> Source:
    return Source("test", "test", len(frames), 1.0, lambda: iter([lambda f=f: f for f in frames]), CAMVID)


@pytest.mark.parametrize("size", [(8, 16), (40, 60), (20, 30)])
def test_images_are_stretched(size: tuple[int, int]) -> None:
    frames = [Frame(str(n), n + 1, np.full((20, 30, 3), 100 * n, np.uint8)) for n in range(2)]
    images = _images_at(size, frames)
    assert images.shape == (2, *size, 3) and images.dtype == np.uint8
    assert (images[1] == 100).all()


def test_labels_are_compared_at_the_size_of_the_network() -> None:
    frames = [Frame(str(n), n + 1, np.zeros((20, 30, 3), np.uint8), np.full((20, 30), n, np.uint8)) for n in range(2)]
    found = np.stack([np.full((8, 16), n, np.uint8) for n in range(2)])
    assert _miou(found, frames, CAMVID) == 1.0
    assert _miou(found[::-1], frames, CAMVID) == 0.0


def test_engines_take_turns() -> None:
    frames = [frame._replace(truth=np.zeros((30, 40), np.uint8)) for frame in from_street(2, step=15)]
    cases = [
        Case("openvino", "openvino", "fp32", SIZE),
        Case("onnxruntime", "onnxruntime", "bf16", SIZE),
        Case("pytorch_eager", "", "fp32", SIZE),
    ]
    turns: list[int] = []
    rows, skipped = measure(cases, source_of(frames), Settings(resolve("camvid"), 1, runs=5, rounds=2), turns.append)
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
            source_of([Frame("t", 1, np.zeros((8, 8, 3), np.uint8))]),
            Settings(resolve("camvid"), 1),
        )
