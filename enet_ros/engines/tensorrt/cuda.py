"""NVIDIA's CUDA runtime through cuda-python's bindings, with its error codes as EngineError."""

from __future__ import annotations

import ctypes
import importlib
from types import ModuleType
from typing import Any

import numpy as np

from enet_ros.arrays import U8
from enet_ros.errors import EngineError


class Cuda:
    """The runtime's functions, by their names without the "cuda" they begin with."""

    def __init__(self) -> None:
        """Raises EngineError where cuda-python is missing."""
        try:
            runtime = importlib.import_module("cuda.bindings.runtime")
        except ImportError as error:
            raise EngineError(f"the CUDA runtime cannot be imported ({error}): pip install cuda-bindings") from error
        self.runtime: ModuleType = runtime

    def __call__(self, name: str, *arguments: Any) -> Any:
        """Call `cuda<name>`: None, a value or a tuple, without the error code. Raises EngineError."""
        error, *values = getattr(self.runtime, f"cuda{name}")(*arguments)
        if error != self.runtime.cudaError_t.cudaSuccess:
            _, text = self.runtime.cudaGetErrorString(error)
            raise EngineError(f"CUDA failed in cuda{name}: {text.decode()} ({error.name})")
        return values[0] if len(values) == 1 else tuple(values) or None

    def gpu(self, index: int) -> str:
        """Make a device the calling thread's; returns its name. Raises EngineError where it is not there."""
        count = self("GetDeviceCount")
        if index >= count:
            raise EngineError(f"there is no GPU {index}, only {count}; use cuda:0")
        self("SetDevice", index)
        properties = self("GetDeviceProperties", index)
        name = properties.name.decode().rstrip("\0")
        return f"{name} (compute capability {properties.major}.{properties.minor})"

    def pinned(self, shape: tuple[int, ...]) -> U8:
        """An array of page-locked bytes, which the device reads and writes by itself; free it with `free_pinned`."""
        pointer = self("HostAlloc", int(np.prod(shape)), 0)
        memory = (ctypes.c_uint8 * int(np.prod(shape))).from_address(int(pointer))
        return np.ctypeslib.as_array(memory).reshape(shape)

    def free_pinned(self, array: U8) -> None:
        """Free an array of `pinned`, which must not be used afterwards."""
        self("FreeHost", array.ctypes.data)

    def to_device(self, target: int, source: U8, stream: Any) -> None:
        """Copy to device memory, in the stream's turn."""
        kind = self.runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self("MemcpyAsync", target, source.ctypes.data, source.nbytes, kind, stream)

    def to_host(self, target: U8, source: int, stream: Any) -> None:
        """Copy from device memory, in the stream's turn."""
        kind = self.runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self("MemcpyAsync", target.ctypes.data, source, target.nbytes, kind, stream)
