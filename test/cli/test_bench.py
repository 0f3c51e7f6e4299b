"""`enet_ros bench`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from enet_ros import cli

KEYS = {"name", "engine", "precision", "height", "width", "p50_ms", "p99_ms", "frames_per_s", "labels_equal"}


def test_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino", reason="pip install openvino")
    pytest.importorskip("matplotlib", reason="pip install matplotlib")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = [tmp_path / "bench.json", tmp_path / "bench.png"]
    line = "bench --engines openvino --peers none --sizes 64x48 96x64 --runs 3 --rounds 1 --frames 2 --threads 1"
    assert cli.main([*line.split(), "--json", str(files[0]), "--plot", str(files[1])]) == 0
    rows = json.loads(files[0].read_text())
    assert [(row["name"], row["height"], row["width"]) for row in rows] == [("openvino", 48, 64), ("openvino", 64, 96)]
    assert all(set(row) >= KEYS and row["p99_ms"] >= row["p50_ms"] > 0 for row in rows)
    out = capsys.readouterr().out
    assert "1 threads, 3 runs in 1 rounds, 2 frames of synthetic street 0" in out and "64x48" in out
    assert files[1].stat().st_size > 10_000


def test_nothing_works(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    line = "bench --engines onnxruntime --precisions fp16 --peers none --sizes 64x48 --frames 1"
    assert cli.main(line.split()) == 1
    assert "onnxruntime fp16 not measured" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--sizes 480", "--sizes 480: write WIDTHxHEIGHT, such as 480x360"),
        ("--runs 0", "--runs 0"),
        ("--runs 3 --rounds 4", "no more rounds than runs"),
        ("--labels truth", "needs --images"),
        ("--images none --labels truth", "go together"),
        ("--images none", "no folder none"),
        ("--model nothing", "no model 'nothing'"),
    ],
)
def test_wrong_input(arguments: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", *arguments.split()]) == 2
    assert words in capsys.readouterr().err
