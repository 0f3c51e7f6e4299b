"""Writes ENets as Torch7 does: an independent encoder for the tests of the importer and for OpenCV's reader."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from enet_ros.nn import ENet
from enet_ros.nn.enet import Bottleneck, Down, Up


class Lua(NamedTuple):
    """An object to write: class and fields."""

    kind: str
    fields: dict[Any, Any]


class Writer:
    """Torch7's binary serialisation of numbers, strings, booleans, tables (dict), float tensors and objects (Lua)."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.indices: dict[int, int] = {}
        self.kept: list[Any] = []  # an id() must not be given to another object meanwhile

    def write(self, value: Any) -> Writer:
        if value is None:
            self.ints(0)
        elif isinstance(value, bool):
            self.ints(5, int(value))
        elif isinstance(value, (int, float)):
            self.ints(1)
            self.data += struct.pack("<d", value)
        elif isinstance(value, str):
            self.ints(2)
            self.text(value)
        elif isinstance(value, dict):
            if self.index(3, value):
                self.ints(len(value))
                for key, item in value.items():
                    self.write(key).write(item)
        elif isinstance(value, Lua):
            if self.index(4, value):
                self.text("V 1")
                self.text(value.kind)
                self.write(value.fields)
        else:
            self.tensor(np.asarray(value, np.float32))
        return self

    def ints(self, *values: int) -> None:
        self.data += struct.pack(f"<{len(values)}i", *values)

    def text(self, value: str) -> None:
        self.ints(len(value))
        self.data += value.encode()

    def index(self, tag: int, value: Any) -> bool:
        """Write tag and index; True where the content has to follow."""
        first = id(value) not in self.indices
        self.ints(tag, self.indices.setdefault(id(value), len(self.indices) + 1))
        self.kept.append(value)
        return first

    def tensor(self, array: np.ndarray) -> None:
        if not self.index(4, array):
            return
        self.text("V 1")
        self.text("torch.FloatTensor")
        self.ints(array.ndim)
        strides = [stride // 4 for stride in np.ascontiguousarray(array).strides]
        self.data += struct.pack(f"<{2 * array.ndim + 1}q", *array.shape, *strides, 1)
        self.index(4, object())
        self.text("V 1")
        self.text("torch.FloatStorage")
        self.data += struct.pack("<q", array.size) + array.tobytes()


def container(kind: str, children: Iterable[Lua], **fields: Any) -> Lua:
    return Lua(f"nn.{kind}", {"modules": dict(enumerate(children, 1)), "train": False, **fields})


def convert(module: nn.Module) -> Lua:
    """One of torch's layers as Torch7's."""
    weights = {k: v.numpy() for k, v in module.state_dict().items() if v.ndim}
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        pairs = zip("HW", module.kernel_size, module.stride, module.padding, module.dilation, strict=True)
        fields: dict[str, Any] = {"nInputPlane": module.in_channels, "nOutputPlane": module.out_channels, **weights}
        for axis, k, d, p, dilation in pairs:
            fields |= {f"k{axis}": k, f"d{axis}": d, f"pad{axis}": p, f"dilation{axis}": dilation}
        if isinstance(module, nn.ConvTranspose2d):
            fields |= {"adjW": module.output_padding[1], "adjH": module.output_padding[0]}
            return Lua("nn.SpatialFullConvolution", fields)
        return Lua("nn.SpatialDilatedConvolution" if module.dilation[0] > 1 else "nn.SpatialConvolution", fields)
    if isinstance(module, nn.BatchNorm2d):
        return Lua("nn.SpatialBatchNormalization", {"eps": module.eps, "affine": True, **weights})
    assert isinstance(module, nn.PReLU)
    return Lua("nn.PReLU", {"nOutputPlane": weights["weight"].size, **weights})


def pooling() -> Lua:
    sizes = dict.fromkeys(("kW", "kH", "dW", "dH"), 2)
    rest = {"padW": 0, "padH": 0, "ceil_mode": False, "indices": np.zeros(1, np.float32)}
    return Lua("nn.SpatialMaxPooling", {**sizes, **rest})


def block(branch: Iterable[nn.Module], skip: list[Lua], slope: nn.Module, p: float) -> Lua:
    """A bottleneck; `p` of its spatial dropout, 0 for none."""
    layers = [convert(module) for module in branch if not isinstance(module, nn.Dropout2d)]
    dropout = [Lua("nn.SpatialDropout", {"p": p})] if p else []
    both = container("ConcatTable", [container("Sequential", layers + dropout), container("Sequential", skip)])
    return container("Sequential", [both, container("CAddTable", []), convert(slope)])


def torch7_file(network: ENet, p: float) -> bytes:
    """`torch7_tree` in bytes."""
    return bytes(Writer().write(torch7_tree(network, p)).data)


def torch7_tree(network: ENet, p: float) -> Lua:
    """The whole network; `p` is the dropout of the encoder. Its norms are to be multiplied by 1 - p at evaluation."""
    first = container("ConcatTable", [convert(network.initial.conv), pooling()])
    modules = [first, Lua("nn.JoinTable", {"dimension": 2, "nInputDims": 3})]
    modules += [convert(network.initial.norm), convert(network.initial.act)]
    pools: list[Lua] = []
    for name, module in network.named_modules():
        identity = Lua("nn.Identity", {})
        drop = 0.0 if name.startswith(("stage4", "stage5")) else p
        if isinstance(module, Down):
            pools.append(pooling())
            extra = module.sum.activation.weight.numel() - module.branch[0].in_channels
            padding = Lua("nn.Padding", {"dim": 1, "pad": extra, "nInputDim": 3, "value": 0, "index": 1})
            modules.append(block(module.branch, [identity, pools[-1], padding], module.sum.activation, p))
        elif isinstance(module, Bottleneck):
            modules.append(block(module.branch, [identity], module.sum.activation, drop))
        elif isinstance(module, Up):
            pool = pools.pop()  # OpenCV pairs the two by the tensor they share
            unpooling = Lua("nn.SpatialMaxUnpooling", {"pooling": pool, "indices": pool.fields["indices"]})
            skip = [identity, convert(module.skip[0]), convert(module.skip[1]), unpooling]
            modules.append(block(module.branch, skip, module.sum.activation, 0.0))
    modules.append(convert(network.last))
    return container("Sequential", modules)
