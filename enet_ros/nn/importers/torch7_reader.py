"""Torch7's binary serialisation, read without Torch7: numbers, strings, tables, tensors; nothing is executed.

The format (torch7 `File.lua`, 64-bit little-endian): an int32 tag, then the value. Tables and objects carry an int32
index so that a later reference repeats the index alone.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from enet_ros.arrays import F32
from enet_ros.errors import ModelError

_NIL, _NUMBER, _STRING, _TABLE, _OBJECT, _BOOLEAN = range(6)
_MAX_DEPTH = 64
_MAX_OBJECTS = 200_000
_MAX_STRING = 1 << 16
_MAX_DIMENSIONS = 8

_DTYPES: dict[str, str] = {
    "Byte": "<u1",
    "Char": "<i1",
    "Short": "<i2",
    "Int": "<i4",
    "Long": "<i8",
    "Float": "<f4",
    "Double": "<f8",
    "Cuda": "<f4",
    "CudaLong": "<i8",
    "CudaDouble": "<f8",
}


@dataclass(frozen=True)
class Module:
    """A Lua object: its class ("nn.Sequential") and its fields."""

    kind: str
    fields: dict[Any, Any]

    def get(self, name: str) -> Any:
        """A field; ModelError where the object has none of that name."""
        if name not in self.fields:
            raise ModelError(f"the Torch7 file's {self.kind} has no {name!r}; it is not the model expected")
        return self.fields[name]

    def number(self, name: str) -> float:
        """A number field; ModelError where it is something else or not finite."""
        value = self.get(name)
        if not isinstance(value, float) or not math.isfinite(value):
            raise ModelError(f"the Torch7 file's {self.kind} has {str(value)[:40]} for {name!r}, not a number")
        return value

    def array(self, name: str) -> F32:
        """A tensor field as float32; ModelError where it is not a tensor."""
        value = self.get(name)
        if not isinstance(value, np.ndarray):
            raise ModelError(f"the Torch7 file's {self.kind} has {type(value).__name__} for {name!r}, not a tensor")
        return value.astype(np.float32)

    def modules(self) -> list[Module]:
        """The children of a container, in order; ModelError where one is something else."""
        table = self.get("modules")
        if not isinstance(table, dict):
            raise ModelError(f"the Torch7 file's {self.kind} has {type(table).__name__} for 'modules', not a table")
        children = [table.get(float(index)) for index in range(1, len(table) + 1)]
        if strangers := [child for child in children if not isinstance(child, Module)]:
            raise ModelError(f"the Torch7 file's {self.kind} holds {type(strangers[0]).__name__} among its modules")
        return children  # type: ignore[return-value]  # checked above


def read(data: bytes) -> Any:
    """The object at the start of `data`. Raises ModelError on truncation, unknown tags and sizes beyond the limits."""
    return _Reader(data).value(0)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._seen: dict[int, Any] = {}

    def value(self, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise ModelError(f"the Torch7 file nests deeper than {_MAX_DEPTH} levels; it is damaged")
        tag = self._int()
        if tag == _NIL:
            return None
        if tag == _NUMBER:
            return float(self._unpack("<d", 8))
        if tag == _STRING:
            return self._string()
        if tag == _BOOLEAN:
            return self._int() == 1
        if tag == _TABLE:
            return self._table(depth)
        if tag == _OBJECT:
            return self._object(depth)
        raise ModelError(f"the Torch7 file has an unknown value tag {tag} at byte {self._at - 4}; it is damaged")

    def _take(self, count: int) -> memoryview:
        if count < 0 or count > len(self._data) - self._at:
            raise ModelError(
                f"the Torch7 file ends early: {count} bytes wanted at byte {self._at} of {len(self._data)}"
            )
        self._at += count
        return self._data[self._at - count : self._at]

    def _unpack(self, layout: str, size: int) -> Any:
        return struct.unpack(layout, self._take(size))[0]

    def _int(self) -> int:
        return int(self._unpack("<i", 4))

    def _long(self) -> int:
        return int(self._unpack("<q", 8))

    def _string(self) -> str:
        size = self._int()
        if size > _MAX_STRING:
            raise ModelError(f"the Torch7 file has a string of {size} bytes at byte {self._at}; it is damaged")
        return bytes(self._take(size)).decode("utf-8", "replace")

    def _remember(self, index: int, value: Any) -> Any:
        if len(self._seen) >= _MAX_OBJECTS:
            raise ModelError(f"the Torch7 file has more than {_MAX_OBJECTS} objects; it is not a network")
        self._seen[index] = value
        return value

    def _table(self, depth: int) -> dict[Any, Any]:
        index = self._int()
        if index in self._seen:
            if not isinstance(self._seen[index], dict):
                raise ModelError(f"the Torch7 file refers to object {index} as a table, which it is not")
            return self._seen[index]  # type: ignore[no-any-return]
        table: dict[Any, Any] = self._remember(index, {})
        for _ in range(self._count()):
            key = self.value(depth + 1)
            if not isinstance(key, (str, float, bool)):
                raise ModelError(f"the Torch7 file has a table key of type {type(key).__name__} at byte {self._at}")
            table[key] = self.value(depth + 1)
        return table

    def _count(self) -> int:
        count = self._int()
        if count < 0 or count * 8 > len(self._data) - self._at:  # an entry takes at least two tags
            raise ModelError(f"the Torch7 file has a table of {count} entries at byte {self._at}; it is damaged")
        return count

    def _object(self, depth: int) -> Any:
        index = self._int()
        if index in self._seen:
            return self._seen[index]
        version = self._string()
        kind = self._string() if version.startswith("V ") else version
        if kind.startswith("torch.") and kind.endswith("Tensor"):
            return self._tensor(index, kind, depth)
        if kind.startswith("torch.") and kind.endswith("Storage"):
            return self._remember(index, self._storage(kind))
        module: Module = self._remember(index, Module(kind, {}))
        fields = self.value(depth + 1)
        if not isinstance(fields, dict):
            raise ModelError(f"the Torch7 file's {kind} holds {type(fields).__name__}, not a table of fields")
        module.fields.update(fields)
        return module

    def _storage(self, kind: str) -> npt.NDArray[Any]:
        name = kind.removeprefix("torch.").removesuffix("Storage")
        if name not in _DTYPES:
            raise ModelError(f"the Torch7 file has a storage of type {kind!r}; known are {', '.join(_DTYPES)}")
        dtype = np.dtype(_DTYPES[name])
        return np.frombuffer(self._take(self._long() * dtype.itemsize), dtype)

    def _tensor(self, index: int, kind: str, depth: int) -> npt.NDArray[Any]:
        dimensions = self._int()
        if not 0 <= dimensions <= _MAX_DIMENSIONS:
            raise ModelError(f"the Torch7 file has a tensor of {dimensions} dimensions at byte {self._at}")
        shape = [self._long() for _ in range(dimensions)]
        strides = [self._long() for _ in range(dimensions)]
        offset = self._long() - 1
        placeholder = np.zeros(0, np.float32)
        self._remember(index, placeholder)
        storage = self.value(depth + 1)
        if storage is None or dimensions == 0:
            return placeholder
        if not isinstance(storage, np.ndarray):
            raise ModelError(f"the Torch7 file's {kind} has {type(storage).__name__} for its storage")
        view = _strided(storage, shape, strides, offset)
        self._seen[index] = view
        return view


def _strided(storage: npt.NDArray[Any], shape: list[int], strides: list[int], offset: int) -> npt.NDArray[Any]:
    """A view of a storage, after checking that every element lies inside it."""
    small = all(0 < side <= storage.size for side in shape) and math.prod(shape) <= storage.size
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if not small or offset < 0 or any(stride < 0 for stride in strides) or last >= storage.size:
        raise ModelError(
            f"the Torch7 file has a tensor of shape {shape}, strides {strides} and offset {offset} "
            f"over a storage of {storage.size} elements; it is damaged"
        )
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps, writeable=False)
