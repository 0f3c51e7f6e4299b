"""What is decided of a TensorRT engine without one: release, precision, cache key, device."""

from __future__ import annotations

from pathlib import Path

import pytest

from enet_ros.engines import cache
from enet_ros.engines.export import export
from enet_ros.engines.source import GraphSource
from enet_ros.engines.tensorrt import cache_key, device_index, precision_for, release_of
from enet_ros.errors import EngineError

TEN = release_of("tensorrt", "10.13.0.35")
ELEVEN = release_of("tensorrt", "11.0.0.1")
RTX = release_of("tensorrt_rtx_bindings", "1.7.1.116")


def test_names() -> None:
    assert (str(TEN), str(RTX)) == ("TensorRT 10.13.0.35", "TensorRT for RTX 1.7.1.116")
    assert RTX.rtx and not TEN.rtx and not ELEVEN.rtx


def test_a_release_before_ten_is_refused() -> None:
    with pytest.raises(EngineError, match=r"TensorRT 8\.6\.2 is too old, 10 or later"):
        release_of("tensorrt", "8.6.2")


def test_precisions_of_a_model(model_path: Path) -> None:
    source = GraphSource(model_path)
    assert [precision_for(source, wanted) for wanted in ("auto", "fp16", "fp32")] == ["fp16", "fp16", "fp32"]
    assert precision_for(source, "int8", calibration=True) == "int8"
    with pytest.raises(EngineError, match="--calibration"):
        precision_for(source, "int8")
    with pytest.raises(EngineError, match="does not compute in bf16; use precision fp16 or fp32 or int8"):
        precision_for(source, "bf16")


def test_a_given_graph_has_its_own_precision(model_path: Path, tmp_path: Path) -> None:
    source = GraphSource(export(model_path, tmp_path / "half.onnx", precision="fp16"))
    assert precision_for(source, "auto") == precision_for(source, "fp16") == "fp16"
    with pytest.raises(EngineError, match=r"half\.onnx does not compute in fp32; use precision fp16"):
        precision_for(source, "fp32")


def test_the_cache_tells_engines_apart(model_path: Path) -> None:
    source = GraphSource(model_path)
    key = cache_key(source, "fp16", TEN, "Orin (compute capability 8.7)")
    assert (key.variant, key.runtime, key.model) == ("40x56-fp16", "TensorRT 10.13.0.35", source.digest())
    others = [
        cache_key(source, "fp32", TEN, key.device),
        cache_key(GraphSource(model_path, (48, 64)), "fp16", TEN, key.device),
        cache_key(source, "fp16", ELEVEN, key.device),
        cache_key(source, "fp16", TEN, "RTX 4090 (compute capability 8.9)"),
    ]
    assert len({key, *others}) == 5
    cache.write(key, b"plan")
    assert cache.read(key) == b"plan" and [cache.read(other) for other in others] == [None] * 4


@pytest.mark.parametrize(("device", "index"), [("auto", 0), ("cuda", 0), ("GPU", 0), ("cuda:1", 1)])
def test_devices(device: str, index: int) -> None:
    assert device_index(device) == index


@pytest.mark.parametrize("device", ["cpu", "cuda:x", ""])
def test_other_devices_are_refused(device: str) -> None:
    with pytest.raises(EngineError, match="NVIDIA GPUs"):
        device_index(device)
