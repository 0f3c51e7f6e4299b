"""Decisions about TensorRT engines, how to build one and what memory it needs, without a GPU and without TensorRT.

TensorRT 10 has weakly typed networks, whose precision is a flag of the builder, and calibrators; TensorRT 11 and
TensorRT for RTX have only strongly typed ones, whose precision is that of the graph. A graph of our own is therefore
written in its precision and built strongly typed everywhere; flags are left for given .onnx files and for calibrators.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from enet_ros.engines.graph import GraphOptions
from enet_ros.errors import EngineError
from enet_ros.figures import size_text

OLDEST = 10
"""Earlier releases have neither strongly typed networks nor execute_async_v3 as it is used here."""


class Api(NamedTuple):
    """Abilities of the installed TensorRT.

    name        "TensorRT" or "TensorRT for RTX"
    version     as it tells it, "10.13.0.35"
    flags       names of the builder's flags
    calibrator  whether it calibrates INT8 by itself
    """

    name: str
    version: str
    flags: frozenset[str]
    calibrator: bool

    @property
    def runtime(self) -> str:
        """Name and version, as logs and cache keys have it."""
        return f"{self.name} {self.version}"

    @property
    def rtx(self) -> bool:
        """Whether engines are finished where they run, and built without a GPU."""
        return self.name.endswith("RTX")

    @property
    def weakly_typed(self) -> bool:
        """Whether precisions can be chosen by the builder's flags."""
        return "FP16" in self.flags


class BuildPlan(NamedTuple):
    """A way to build an engine.

    precision  "fp32", "fp16", "bf16", "int8", or "file": whatever the .onnx file computes in
    graph      how our graph is written; a given .onnx file is what it is
    typed      build a strongly typed network
    flags      builder's flags to set
    clear      builder's flags to clear
    int8       "": none; "calibrator": the builder finds the scales; "explicit": they are written into the graph
    """

    precision: str
    graph: GraphOptions
    typed: bool = True
    flags: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()
    int8: str = ""


def describe(package: str, version: str, flags: Sequence[str], calibrator: bool) -> Api:
    """The API of an imported package. Raises EngineError where it is too old."""
    if "rtx" in package:
        return Api("TensorRT for RTX", version, frozenset(flags), calibrator)
    if int(version.partition(".")[0]) < OLDEST:
        raise EngineError(
            f"TensorRT {version} is too old, {OLDEST} or later is needed (JetPack 6.1 has it): upgrade it, or use the "
            "onnxruntime engine with device 'tensorrt'"
        )
    return Api("TensorRT", version, frozenset(flags), calibrator)


def choose(api: Api, precision: str, *, is_onnx: bool = False, calibration: bool = False) -> BuildPlan:
    """The plan for a precision; "auto" is fp16 where that is available.

    is_onnx      the graph is a given file, not ours to write
    calibration  there are frames to calibrate INT8 with
    Raises EngineError where this API cannot do it.
    """
    if precision == "int8":
        return _int8(api, calibration)
    graph = GraphOptions(confidence=True)
    flags = api.weakly_typed
    if precision == "auto":
        precision = "file" if is_onnx and not flags else "fp16"
    if precision == "file":
        return BuildPlan("file", graph)
    if precision == "fp32":  # TensorFloat-32 has ten bits of mantissa
        return BuildPlan("fp32", graph, clear=("TF32",))
    if precision == "fp16" and not is_onnx:
        return BuildPlan("fp16", graph._replace(half=True))
    flag = precision.upper()
    if flags and flag in api.flags:
        return BuildPlan(precision, graph, typed=False, flags=(flag,))
    if precision == "bf16":
        raise EngineError(f"{api.runtime} builds no bf16 from this graph; use precision fp16")
    raise EngineError(
        f"{api.runtime} computes in the precision of the .onnx file it is given: export one with "
        f"`enet_ros export --precision {precision}`, or give it the .safetensors file"
    )


def _int8(api: Api, calibration: bool) -> BuildPlan:
    if not calibration:
        raise EngineError(
            "precision int8 is calibrated on images: run `enet_ros export --format tensorrt --precision int8 "
            "--calibration DIR` and use the .engine file it writes"
        )
    graph = GraphOptions(confidence=True)
    if api.calibrator and "INT8" in api.flags:
        return BuildPlan("int8", graph, typed=False, flags=("INT8", "FP16"), int8="calibrator")
    return BuildPlan("int8", graph, int8="explicit")


def variant(size: tuple[int, int], plan: BuildPlan) -> str:
    """Size and precision, for the cache key."""
    return "{}x{}-".format(*size) + plan.precision


def device_index(device: str) -> int:
    """The GPU of "auto", "gpu", "cuda" or "cuda:1". Raises EngineError on another device."""
    name, _, index = device.lower().partition(":")
    if name in ("auto", "gpu", "cuda") and (index.isdecimal() or not index):
        return int(index or 0)
    raise EngineError(f"the tensorrt engine runs on NVIDIA GPUs, not on {device!r}; use cuda, or cuda:1 for the second")


class TensorInfo(NamedTuple):
    """An input or output of a built engine, as TensorRT describes it."""

    name: str
    is_input: bool
    shape: tuple[int, ...]
    dtype: str


class Buffer(NamedTuple):
    """Memory of an input or output, on the host and on the device."""

    name: str
    shape: tuple[int, ...]
    nbytes: int


class BufferPlan(NamedTuple):
    """All memory that an engine needs besides its own."""

    image: Buffer
    labels: Buffer
    confidence: Buffer | None


def plan_buffers(tensors: Sequence[TensorInfo], size: tuple[int, int]) -> BufferPlan:
    """The buffers to allocate. Raises EngineError where the tensors are not those of an engine of this package."""
    height, width = size
    expected = {
        "image": TensorInfo("image", True, (1, height, width, 3), "uint8"),
        "labels": TensorInfo("labels", False, size, "uint8"),
        "confidence": TensorInfo("confidence", False, size, "uint8"),
    }
    found = {tensor.name: tensor for tensor in tensors}
    for name in ("image", "labels"):
        if name not in found:
            raise EngineError(
                f"the engine has no tensor {name!r}, only {', '.join(found)}: it was not built by enet_ros"
            )
    for name, tensor in found.items():
        if tensor != expected.get(name):
            raise EngineError(
                f"the engine's tensor {tensor} is not {expected.get(name, 'known')}: it was not built by enet_ros for "
                f"{size_text(size)} images; run `enet_ros export --format tensorrt --size {size_text(size)}`"
            )
    buffers = {name: Buffer(name, info.shape, math.prod(info.shape)) for name, info in expected.items()}
    return BufferPlan(buffers["image"], buffers["labels"], buffers["confidence"] if "confidence" in found else None)
