"""The authors' Torch7 models (github.com/e-lab/ENet-training): a tree of Lua modules in Torch7's serialisation.

The format (torch7 `File.lua`, 64-bit little-endian) is read without Torch7, and nothing in it is executed: an int32
tag, then the value. Tables and objects carry an int32 index, so that a later reference repeats the index alone.
"""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from enet_ros.arrays import F32
from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID, CITYSCAPES20, ClassTable
from enet_ros.errors import ModelError
from enet_ros.model_file import Model
from enet_ros.nn.importers.assemble import Layer, assemble, scale_norm
from enet_ros.spec import variant

_KINDS = {
    "SpatialConvolution": "conv",
    "SpatialConvolutionMM": "conv",
    "SpatialDilatedConvolution": "conv",
    "SpatialFullConvolution": "deconv",
    "SpatialBatchNormalization": "norm",
    "PReLU": "prelu",
}
_CONTAINERS = {"Sequential", "ConcatTable"}
_WEIGHTLESS = {"JoinTable", "CAddTable", "Identity", "Padding", "SpatialMaxPooling", "SpatialMaxUnpooling"}
_NORM = ("weight", "bias", "running_mean", "running_var")

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


def recognises(data: bytes) -> bool:
    """Whether a file begins as a serialised Torch7 object does: its tag, an index, and the version string "V 1"."""
    return data[:4] == b"\x04\0\0\0" and data[8:12] == b"\x03\0\0\0" and data[12:14] == b"V "


def load(data: bytes, name: str, classes: ClassTable | None) -> Model:
    """The model in a Torch7 file; its input is RGB / 255. Raises ModelError where it is damaged or another network.

    Torch7's SpatialDropout does not scale in training and multiplies by 1 - p at evaluation; that factor goes into the
    batch norm before it.
    """
    root = read(data)
    if not isinstance(root, Module):
        raise ModelError(f"the Torch7 file holds a {type(root).__name__}, not a network")
    layers = list(_layers(root, root.kind, set()))
    if not layers or "bias" not in layers[-1].arrays:
        raise ModelError(f"the Torch7 file's {root.kind} does not end with ENet's last transposed convolution")
    outputs = len(layers[-1].arrays["bias"])
    spec = dataclasses.replace(variant("paper", outputs), bn_eps=_epsilon(root))
    table, size = _training_data(outputs) if classes is None else (classes, (512, 1024))
    card = ModelCard(
        name=name,
        spec=spec,
        classes=table,
        input_size=size,
        provenance="imported from a Torch7 model of the ENet authors' training code",
    )
    return Model(card, assemble(spec, layers, skip_first=False))


def _training_data(outputs: int) -> tuple[ClassTable, tuple[int, int]]:
    """Class table and (height, width) of the authors' training code with so many outputs; 'unlabelled' comes first."""
    if outputs == CITYSCAPES20.num_classes:
        return CITYSCAPES20, (512, 1024)
    if outputs == CAMVID.num_classes + 1:
        return CAMVID.with_unlabelled("camvid12-void-first", first=True), (360, 480)
    raise ModelError(f"the Torch7 file has {outputs} outputs, neither Cityscapes' 20 nor CamVid's 12; give --classes")


def _layers(module: Module, where: str, seen: set[int]) -> Iterator[Layer]:
    """The layers with weights below a module, in order, each dropout folded into the norm before it."""
    if id(module) in seen:  # a file can refer to one object many times, to its own parent too
        raise ModelError(f"{where} is a container that the Torch7 file has used before; it is another network")
    seen.add(id(module))
    pending: Layer | None = None
    for index, child in enumerate(module.modules(), 1):
        place, kind = f"{where}.{index} ({child.kind})", child.kind.partition(".")[2]
        if kind in ("SpatialDropout", "Dropout"):
            if pending is None or pending.kind != "norm":
                raise ModelError(f"{place} does not follow a batch norm; it is another network")
            pending = scale_norm(pending, 1.0 - _probability(child))
            continue
        if pending is not None:
            yield pending
            pending = None
        if kind in _CONTAINERS:
            yield from _layers(child, f"{where}.{index}", seen)
        elif kind in _KINDS:
            pending = _layer(child, _KINDS[kind], place)
        elif kind not in _WEIGHTLESS:
            raise ModelError(f"{place} is a module that ENet does not have; it is another network")
    if pending is not None:
        yield pending


def _layer(module: Module, kind: str, where: str) -> Layer:
    if kind == "norm":
        return Layer(kind, where, {key: module.array(key) for key in _NORM})
    weight = module.array("weight")
    if kind == "prelu":
        return Layer(kind, where, {"weight": weight})
    if weight.ndim == 2:  # SpatialConvolutionMM keeps its kernels as rows
        side = [int(module.number(key)) for key in ("nOutputPlane", "nInputPlane", "kH", "kW")]
        if min(side) < 1 or side[0] * side[1] * side[2] * side[3] != weight.size:
            raise ModelError(f"{where} has {weight.size} weights, which do not make kernels of {side}")
        weight = weight.reshape(side)
    arrays = {"weight": weight}
    if module.fields.get("bias") is not None:
        arrays["bias"] = module.array("bias")
    return Layer(kind, where, arrays)


def _probability(module: Module) -> float:
    p = module.number("p")
    if not 0.0 <= p < 1.0:
        raise ModelError(f"the Torch7 file's {module.kind} has probability {p!r}; 0 <= p < 1 was expected")
    return p


def _epsilon(module: Module) -> float:
    """The epsilon of the first batch norm; the authors' code has the same everywhere."""
    for child in module.modules():
        if child.kind.endswith("BatchNormalization"):
            return child.number("eps")
    raise ModelError("the Torch7 file has no batch norm behind its initial block; it is another network")


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
        count = self._int()
        if count < 0 or count * 8 > len(self._data) - self._at:  # an entry takes at least two tags
            raise ModelError(f"the Torch7 file has a table of {count} entries at byte {self._at}; it is damaged")
        for _ in range(count):
            key = self.value(depth + 1)
            if not isinstance(key, (str, float, bool)):
                raise ModelError(f"the Torch7 file has a table key of type {type(key).__name__} at byte {self._at}")
            table[key] = self.value(depth + 1)
        return table

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
