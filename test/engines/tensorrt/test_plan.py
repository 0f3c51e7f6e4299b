"""What is decided of a TensorRT engine without one: precision, cache key, device."""

from __future__ import annotations

from pathlib import Path

import pytest

from enet_ros.engines import cache
from enet_ros.engines.source import GraphSource
from enet_ros.engines.tensorrt.engine import cache_key
from enet_ros.engines.tensorrt.plan import choose, describe, device_index, variant
from enet_ros.errors import EngineError

TEN = describe("tensorrt", "10.13.0.35", ("FP16", "BF16", "INT8", "TF32"), calibrator=True)
ELEVEN = describe("tensorrt", "11.0.0.1", ("TF32",), calibrator=False)
RTX = describe("tensorrt_rtx_bindings", "1.7.1.116", ("TF32",), calibrator=False)


def test_names() -> None:
    assert (TEN.runtime, RTX.runtime) == ("TensorRT 10.13.0.35", "TensorRT for RTX 1.7.1.116")
    assert RTX.rtx and not TEN.rtx and not ELEVEN.rtx
    assert TEN.weakly_typed and not ELEVEN.weakly_typed and not RTX.weakly_typed


def test_a_release_before_ten_is_refused() -> None:
    with pytest.raises(EngineError, match=r"TensorRT 8\.6\.2 is too old, 10 or later"):
        describe("tensorrt", "8.6.2", ("FP16",), calibrator=True)


@pytest.mark.parametrize("api", [TEN, ELEVEN, RTX])
def test_our_graph_is_written_in_its_precision(api) -> None:
    half = choose(api, "auto")
    assert (half.precision, half.graph.half, half.typed, half.flags, half.int8) == ("fp16", True, True, (), "")
    full = choose(api, "fp32")
    assert (full.precision, full.graph.half, full.clear) == ("fp32", False, ("TF32",))


def test_a_given_file_gets_flags_where_there_are_any() -> None:
    plan = choose(TEN, "auto", is_onnx=True)
    assert (plan.precision, plan.typed, plan.flags) == ("fp16", False, ("FP16",))
    assert choose(RTX, "auto", is_onnx=True).precision == "file"
    with pytest.raises(EngineError, match="export --precision fp16"):
        choose(ELEVEN, "fp16", is_onnx=True)


def test_bf16_is_a_flag_or_nothing() -> None:
    assert choose(TEN, "bf16").flags == ("BF16",)
    with pytest.raises(EngineError, match="use precision fp16"):
        choose(RTX, "bf16")


def test_int8_is_calibrated_by_the_builder_or_in_the_graph() -> None:
    ten, rtx = (choose(api, "int8", calibration=True) for api in (TEN, RTX))
    assert (ten.int8, ten.typed, ten.flags) == ("calibrator", False, ("INT8", "FP16"))
    assert (rtx.int8, rtx.typed, rtx.flags) == ("explicit", True, ())
    with pytest.raises(EngineError, match="--calibration"):
        choose(TEN, "int8")


def test_the_cache_tells_engines_apart(model_path: Path) -> None:
    source = GraphSource(model_path)
    key = cache_key(source, choose(TEN, "auto"), TEN, "Orin (compute capability 8.7)")
    assert key.variant == variant(source.size, choose(TEN, "auto")) == "40x56-fp16"
    assert key.runtime == "TensorRT 10.13.0.35" and key.model == source.digest()
    others = [
        cache_key(source, choose(TEN, "fp32"), TEN, key.device),
        cache_key(GraphSource(model_path, (48, 64)), choose(TEN, "auto"), TEN, key.device),
        cache_key(source, choose(ELEVEN, "auto"), ELEVEN, key.device),
        cache_key(source, choose(TEN, "auto"), TEN, "RTX 4090 (compute capability 8.9)"),
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
