"""The memory that a built TensorRT engine needs for its inputs and outputs: needs neither a GPU nor TensorRT."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from enet_ros.errors import EngineError
from enet_ros.sizes import size_text


class TensorInfo(NamedTuple):
    """An input or output of a built engine, as it tells it."""

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
    """Which buffers to allocate. Raises EngineError where the tensors are not those of an engine of this package."""
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
