"""The Caffe port of ENet (github.com/TimoSaemann/ENet): BGR pixels 0..255, its own BN, Upsample and dropout layers.

How it differs from the authors' network: 1x1 convolutions fill the skips of bottlenecks 1.0 and 2.0; the halves of the
asymmetric convolutions are 5x1 first and padded by 1 on both axes; ReLUs and 2x2 up-sampling kernels in the decoder.

Its files exist before and after its tool has merged batch norms into the convolutions. Merged norms are left
behind as zeros, with the dropout layers around them; `enet_deploy_final.prototxt`, for which these files are made,
has neither.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from enet_ros.arrays import F32
from enet_ros.card import ModelCard
from enet_ros.classes import CITYSCAPES, ClassTable
from enet_ros.errors import ModelError
from enet_ros.model_file import Model
from enet_ros.nn.importers.assemble import Layer, assemble, scale_norm
from enet_ros.spec import variant

_WEIGHTLESS = {
    "Input",
    "Split",
    "Pooling",
    "Concat",
    "Eltwise",
    "Upsample",
    "ReLU",
    "Softmax",
    "ArgMax",
    "DenseImageData",
}
_DROPOUT = re.compile(r"'p': *'?(0?\.\d{1,10}|0)(?=['\s,}])")
_MAX_LAYERS = 2000
_MAX_BLOBS = 16
_MAX_DIMENSIONS = 8

_MESSAGES: Mapping[str, Mapping[str, int]] = {
    "NetParameter": {"old_layers": 2, "layers": 100},
    "LayerParameter": {"name": 1, "type": 2, "blobs": 7, "python": 130},
    "PythonParameter": {"text": 3},
    "BlobProto": {"num": 1, "channels": 2, "height": 3, "width": 4, "floats": 5, "shape": 7},
    "BlobShape": {"sides": 1},
}
"""The messages of caffe.proto that lead to weights, with the numbers of their fields."""
_REPEATED = ("old_layers", "layers", "blobs", "floats", "sides")
_INTEGERS = ("num", "channels", "height", "width", "sides")
"""All other fields are bytes, messages within too: each is parsed when the number of its like has been checked."""


class CaffeLayer(NamedTuple):
    """A layer: its name, its type ("Convolution"), its blobs as float32, the string given to a Python layer."""

    name: str
    type: str
    blobs: tuple[F32, ...]
    parameters: str


def recognises(data: bytes) -> bool:
    """Whether a file begins as a NetParameter does: its name, then its first layer."""
    if data[:1] != b"\x0a" or len(data) < 3 or data[1] > 127:
        return False
    return data[2 + data[1] : 4 + data[1]] == b"\xa2\x06"  # the key of field 100


def load(data: bytes, name: str, classes: ClassTable | None) -> Model:
    """The model in a .caffemodel. Raises ModelError where it is damaged or another network."""
    layers = list(_layers(read(data)))
    if not layers or layers[-1].kind != "deconv" or "bias" not in layers[-1].arrays:
        raise ModelError("the Caffe model does not end with ENet's last transposed convolution; it is another network")
    spec = variant("caffe", len(layers[-1].arrays["bias"]))
    card = ModelCard(
        name=name,
        spec=spec,
        classes=classes or CITYSCAPES,
        input_size=(512, 1024),
        channel_order="bgr",
        std=(1.0, 1.0, 1.0),
        provenance="imported from a model of the Caffe port of ENet (github.com/TimoSaemann/ENet)",
    )
    return Model(card, assemble(spec, layers, skip_first=False))


def read(data: bytes) -> list[CaffeLayer]:
    """The layers of a .caffemodel in its order. Raises ModelError on damage and on sizes beyond the limits."""
    net = _parsed("NetParameter", data, "its list of layers")
    if net.old_layers:
        raise ModelError("the Caffe model is of the layout before 2014; run Caffe's upgrade_net_proto_binary on it")
    if len(net.layers) > _MAX_LAYERS:
        raise ModelError(f"the Caffe model has more than {_MAX_LAYERS} layers; it is not an ENet")
    return [_read_layer(content, f"layer number {index}") for index, content in enumerate(net.layers)]


def _read_layer(content: bytes, where: str) -> CaffeLayer:
    layer = _parsed("LayerParameter", content, where)
    python = _parsed("PythonParameter", layer.python, where)
    name, kind, parameters = (text.decode("utf-8", "replace") for text in (layer.name, layer.type, python.text))
    if len(layer.blobs) > _MAX_BLOBS:
        raise ModelError(f"the Caffe model's layer {name} has more than {_MAX_BLOBS} blobs; it is damaged")
    blobs = tuple(_read_blob(blob, f"a blob of {where} {name!r}") for blob in layer.blobs)
    return CaffeLayer(name, kind, blobs, parameters)


def _read_blob(content: bytes, where: str) -> F32:
    """A blob in the shape it claims."""
    blob = _parsed("BlobProto", content, where)
    raw = b"".join(blob.floats)  # packed, as Caffe writes them
    if len(raw) % 4:
        raise ModelError(f"the Caffe model has {where} of {len(raw)} bytes, no whole number of floats")
    values = np.frombuffer(raw, "<f4")
    shape = [getattr(blob, side) for side in ("num", "channels", "height", "width") if blob.HasField(side)]
    if blob.HasField("shape"):
        shape = list(_parsed("BlobShape", blob.shape, where).sides)
    if len(shape) > _MAX_DIMENSIONS or math.prod(shape) != values.size or min(shape, default=0) < 0:
        raise ModelError(f"the Caffe model has {where} with {values.size} values for shape {shape}; it is damaged")
    return values.reshape(shape).astype(np.float32)


def _parsed(kind: str, content: bytes, where: str) -> Any:
    """A message of caffe.proto; ModelError where it is damaged."""
    try:
        return _message_classes()[kind].FromString(content)
    except DecodeError as error:
        raise ModelError(f"the Caffe model is damaged or ends early in {where} ({error})") from None


@functools.cache
def _message_classes() -> dict[str, Any]:
    """A class for each message of _MESSAGES, made by protobuf."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number in fields.items():
            kind = kinds.TYPE_INT64 if field in _INTEGERS else kinds.TYPE_BYTES
            label = kinds.LABEL_REPEATED if field in _REPEATED else kinds.LABEL_OPTIONAL
            message.field.add(name=field, number=number, type=kind, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}")) for name in _MESSAGES}


def _layers(caffe: Sequence[CaffeLayer]) -> Iterator[Layer]:
    """The layers with weights as ENet has them: a convolution before a norm carries no bias of its own into it."""
    merged = any(_is_merged(layer) for layer in caffe)
    learnt = [layer for layer in caffe if layer.type not in _WEIGHTLESS]
    for index, layer in enumerate(learnt):
        following = learnt[index + 1] if index + 1 < len(learnt) else None
        if layer.type in ("Convolution", "Deconvolution"):
            yield _convolution(layer, following)
        elif layer.type == "BN":
            norm = _norm(layer, learnt[index - 1] if index else None)
            if following is not None and following.type == "Python" and not merged:
                # Its evaluation divides by 1 - p although its training does so already; the norms were measured so.
                norm = scale_norm(norm, 1.0 / (1.0 - _probability(following)))
            yield norm
        elif layer.type == "PReLU":
            yield Layer("prelu", layer.name, {"weight": _blobs(layer, 1)[0]})
        elif layer.type != "Python":
            raise ModelError(f"the Caffe model's layer {layer.name} has type {layer.type!r}, which ENet does not have")


def _is_merged(layer: CaffeLayer) -> bool:
    """Whether a norm has been merged into the convolution before it: it is left as zeros."""
    return layer.type == "BN" and all(not blob.any() for blob in layer.blobs)


def _has_bias(layer: CaffeLayer) -> bool:
    """Whether ENet has a bias here; projections, expansions and first asymmetric halves have none."""
    return layer.type == "Deconvolution" or layer.blobs[0].shape[2:] in ((3, 3), (1, 5))


def _convolution(layer: CaffeLayer, following: CaffeLayer | None) -> Layer:
    blobs = _blobs(layer, 2 if len(layer.blobs) == 2 else 1)
    if blobs[0].ndim != 4:
        raise ModelError(
            f"the Caffe model's layer {layer.name} has kernels of shape {blobs[0].shape}; 4 sides expected"
        )
    arrays = {"weight": blobs[0]}
    if _has_bias(layer):
        arrays["bias"] = blobs[1] if len(blobs) == 2 else np.zeros(0, np.float32)
    elif len(blobs) == 2 and blobs[1].any() and (following is None or following.type != "BN"):
        raise ModelError(f"the Caffe model's layer {layer.name} has a bias and no norm to take it; another network")
    return Layer("deconv" if layer.type == "Deconvolution" else "conv", layer.name, arrays)


def _norm(layer: CaffeLayer, before: CaffeLayer | None) -> Layer:
    """scale * (x + bias of the convolution before) + shift, as a batch norm with mean 0 and deviation 1."""
    scale, shift = (blob.reshape(-1) for blob in _blobs(layer, 2))
    if _is_merged(layer):
        scale = np.ones_like(scale)
    if before is not None and before.type == "Convolution" and not _has_bias(before) and len(before.blobs) == 2:
        bias = before.blobs[1].reshape(-1)
        if bias.shape != scale.shape:
            raise ModelError(f"the Caffe model's {layer.name} has {scale.size} channels, its convolution {bias.size}")
        shift = shift + scale * bias
    variance = np.full_like(scale, 1.0 - variant("caffe", 2).bn_eps)
    arrays = {"weight": scale, "bias": shift, "running_mean": np.zeros_like(scale), "running_var": variance}
    return Layer("norm", layer.name, arrays)


def _blobs(layer: CaffeLayer, count: int) -> tuple[F32, ...]:
    if len(layer.blobs) != count:
        raise ModelError(f"the Caffe model's layer {layer.name} has {len(layer.blobs)} blobs, {count} were expected")
    return layer.blobs


def _probability(layer: CaffeLayer) -> float:
    found = _DROPOUT.search(layer.parameters)
    if found is None:
        raise ModelError(f"the Caffe model's layer {layer.name} has parameters {layer.parameters[:60]!r}, no dropout's")
    return float(found[1])
