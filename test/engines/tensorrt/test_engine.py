"""NVIDIA's parser and builder on every graph that is exported: TensorRT for RTX builds without a GPU.

Running an engine needs one. Where there is none, this goes as far as that and looks at what the user is told.
"""

from __future__ import annotations

import ctypes
import logging
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorrt_rtx_bindings", reason="pip install tensorrt-rtx-cu12-libs tensorrt-rtx-cu12-bindings")

from enet_ros.arrays import U8
from enet_ros.engines import create
from enet_ros.engines.export import export
from enet_ros.engines.graph import TENSORRT
from enet_ros.engines.source import GraphSource
from enet_ros.engines.tensorrt import build as tensorrt_build
from enet_ros.engines.tensorrt import build_from
from enet_ros.engines.tensorrt import file as tensorrt_file
from enet_ros.engines.tensorrt import run as tensorrt_run
from enet_ros.errors import EngineError

RELEASE = tensorrt_build.installed()
needs_rtx = pytest.mark.skipif(not RELEASE.rtx, reason="TensorRT itself is installed: it builds on a GPU only")


def has_gpu() -> bool:
    try:
        return ctypes.CDLL("libcuda.so.1").cuInit(0) == 0
    except OSError:
        return False


def images(count: int, size: tuple[int, int]) -> list[U8]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(count)]


@needs_rtx
@pytest.mark.parametrize("size", [(40, 56), (90, 121)])
@pytest.mark.parametrize("half", [False, True])
def test_the_parser_takes_every_graph(model_path: Path, size: tuple[int, int], half: bool) -> None:
    logger = tensorrt_build.Log()
    builder = tensorrt_build.trt.Builder(logger)
    network = tensorrt_build.parse(GraphSource(model_path, size).onnx(TENSORRT._replace(half=half)), builder, logger)
    assert network.num_layers > 300
    shapes = {t.name: tuple(t.shape) for t in (network.get_input(0), network.get_output(0), network.get_output(1))}
    assert shapes == {"image": (1, *size, 3), "labels": size, "confidence": size}
    kinds = {layer.get_output(0).dtype for layer in (network.get_layer(i) for i in range(network.num_layers))}
    assert (tensorrt_build.trt.float16 in kinds) == half


@needs_rtx
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_builder_builds(model_path: Path, precision: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        data = build_from(GraphSource(model_path), precision)
    assert len(data) > 500_000
    assert f"layers in {precision}" in caplog.text and "built in" in caplog.text


@needs_rtx
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_export(model_path: Path, tmp_path: Path, precision: str) -> None:
    calibration = images(2, (48, 64)) if precision == "int8" else []
    out = export(
        model_path,
        tmp_path / "t.engine",
        format="tensorrt",
        size=(48, 64),
        precision=precision,
        calibration=calibration,
    )
    file = tensorrt_file.read(out)
    assert (file.precision, file.device, file.runtime) == (precision, tensorrt_file.ANY_GPU, str(RELEASE))
    assert file.card.input_size == (48, 64) and file.card.digest == GraphSource(model_path).card.digest
    if has_gpu():
        with create("tensorrt", out) as engine:
            assert engine.infer(images(1, (48, 64))[0]).labels.shape == (48, 64)
    else:
        with pytest.raises(EngineError, match="no NVIDIA driver"):
            create("tensorrt", out)
        with pytest.raises(EngineError, match=r"refuses the engine: .*(CUDA driver|Cuda)"):
            tensorrt_run.deserialise(file.plan, tensorrt_build.Log())


@needs_rtx
def test_an_exported_onnx_file_is_built_as_it_is(model_path: Path, tmp_path: Path) -> None:
    source = GraphSource(export(model_path, tmp_path / "half.onnx", precision="fp16"))
    assert len(build_from(source, "fp16")) > 500_000


def test_a_graph_that_is_none(model_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot read the graph"):
        tensorrt_build.build(b"no onnx", "fp32")


@pytest.mark.parametrize("data", [b"", b"foreign" * 100])
def test_a_foreign_plan_is_refused(data: bytes) -> None:
    with pytest.raises(EngineError, match="refuses the engine"):
        tensorrt_run.deserialise(data, tensorrt_build.Log())


@pytest.mark.skipif(has_gpu(), reason="there is a GPU here")
def test_without_a_gpu_the_user_is_told_so(model_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(EngineError, match=r"no NVIDIA driver here .*another engine"):
        create("tensorrt", model_path)


@pytest.mark.skipif(not has_gpu(), reason="no NVIDIA GPU here: nothing was run by TensorRT")
def test_on_a_gpu_labels_are_the_plain_networks(model_path: Path) -> None:
    pytest.importorskip("torch", reason="torch runs the plain network: pip install torch")
    image = images(1, (40, 56))[0]
    with create("tensorrt", model_path, precision="fp32") as engine, create("pytorch", model_path) as plain:
        for confidence in (False, True, False):  # recorded one after the other
            ours, theirs = (e.infer(image, confidence=confidence) for e in (engine, plain))
            assert (ours.labels == theirs.labels).mean() >= 0.9999


def test_progress_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    monkeypatch.setattr(tensorrt_build.time, "monotonic", lambda: now)
    monitor = tensorrt_build.Monitor()
    monitor.phase_start("Building", None, 6)
    monitor.phase_start("Timing", "Building", 40)
    with caplog.at_level(logging.INFO):
        assert monitor.step_complete("Timing", 0)
        now = 3.0
        assert monitor.step_complete("Timing", 9) and monitor.step_complete("Timing", 10)
        monitor.phase_finish("Timing")
        now = 6.0
        assert monitor.step_complete("Building", 5)
    assert caplog.messages == ["building: Building > Timing 10/40", "building: Building 6/6"]
