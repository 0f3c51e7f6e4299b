"""Where graphs come from, with and without the onnx package."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from enet_ros.engines.export import export
from enet_ros.engines.graph import EXPORT
from enet_ros.engines.source import GraphSource, stored_precision
from enet_ros.errors import EngineError


@pytest.fixture
def no_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a robot where the onnx package is not installed."""
    for name in [name for name in sys.modules if name.startswith("onnx.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("build", "blocks", "onnx_writer"):
        monkeypatch.delitem(sys.modules, f"enet_ros.engines.graph.{name}", raising=False)
        monkeypatch.delattr(f"enet_ros.engines.graph.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)


def beside(model_path: Path, folder: Path, size: tuple[int, int]) -> Path:
    """A copy of the model with an export of that size beside it."""
    weights = folder / "test.safetensors"
    weights.write_bytes(model_path.read_bytes())
    export(weights, folder / "test.onnx", size=size)
    return weights


def test_without_onnx_the_export_beside_the_weights_serves(
    model_path: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    weights = beside(model_path, tmp_path, (48, 64))
    request.getfixturevalue("no_onnx")
    assert GraphSource(weights, (48, 64)).onnx(EXPORT) == (tmp_path / "test.onnx").read_bytes()
    with pytest.raises(EngineError, match=r"needs the onnx package .*or its export for this size beside it: .*\.onnx"):
        GraphSource(weights, (56, 64)).onnx(EXPORT)


def test_an_export_of_other_weights_beside_it_does_not_serve(model_path: Path, tmp_path: Path) -> None:
    from plain_models import SIZE, make_model

    from enet_ros.model_file import save

    weights = beside(model_path, tmp_path, SIZE)
    other = make_model(seed=5)
    save(weights, other.card, other.tensors)
    with pytest.raises(EngineError, match="is a graph for"):
        GraphSource(tmp_path / "test.onnx", (48, 64))


def test_precision_is_what_the_file_computes_in(model_path: Path, tmp_path: Path) -> None:
    for precision in ("fp32", "fp16"):
        out = export(model_path, tmp_path / f"{precision}.onnx", precision=precision)
        assert stored_precision(out.read_bytes()) == precision == GraphSource(out).precision
