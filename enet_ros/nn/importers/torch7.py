"""The authors' Torch7 models (github.com/e-lab/ENet-training): a tree of Lua modules in Torch7's serialisation."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID, CITYSCAPES20, ClassTable
from enet_ros.errors import ModelError
from enet_ros.model_file import Model
from enet_ros.nn.importers.assemble import Layer, assemble, scale_norm
from enet_ros.nn.importers.torch7_reader import Module, read
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


def recognises(data: bytes) -> bool:
    """Whether a file begins as a serialised Torch7 object does: its tag, an index, and the version string "V 1"."""
    return data[:4] == b"\x04\0\0\0" and data[8:12] == b"\x03\0\0\0" and data[12:14] == b"V "


def load(data: bytes, name: str, classes: ClassTable | None) -> Model:
    """The model in a Torch7 file; input RGB / 255. Raises ModelError where it is damaged or another network.

    Torch7's SpatialDropout does not scale in training and multiplies by 1 - p at evaluation; that factor goes into the
    batch norm in front of it.
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
        names, colors = ("unlabelled", *CAMVID.names), ((0, 0, 0), *CAMVID.colors)
        table = dataclasses.replace(CAMVID, name="camvid12-void-first", names=names, colors=colors, void=0)
        return table, (360, 480)
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
