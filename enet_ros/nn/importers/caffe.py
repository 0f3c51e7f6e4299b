"""The Caffe port of ENet (github.com/TimoSaemann/ENet): BGR pixels 0..255, its own BN, Upsample and dropout layers.

How it differs from the authors' network: 1x1 convolutions fill the skips of bottlenecks 1.0 and 2.0; the halves of the
asymmetric convolutions are 5x1 first and padded by 1 on both axes; ReLUs and 2x2 up-sampling kernels in the decoder.

Its files exist before and after its tool has merged batch norms into the convolutions. Merged norms are left
behind as zeros, with the dropout layers around them; `enet_deploy_final.prototxt`, for which these files are made,
has neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from enet_ros.arrays import F32
from enet_ros.card import ModelCard
from enet_ros.classes import CITYSCAPES, ClassTable
from enet_ros.errors import ModelError
from enet_ros.model_file import Model
from enet_ros.nn.importers.assemble import Layer, assemble, scale_norm
from enet_ros.nn.importers.caffe_reader import CaffeLayer, read
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
_DROPOUT = re.compile(r"'p': *'?([0-9.]{1,12})'?")


def recognises(data: bytes) -> bool:
    """Whether a file begins as a NetParameter does: its name, then its first layer."""
    if data[:1] != b"\x0a" or len(data) < 3 or data[1] > 127:
        return False
    return data[2 + data[1] : 4 + data[1]] == b"\xa2\x06"  # the key of field 100


def load(data: bytes, name: str, classes: ClassTable | None) -> Model:
    """The model in a .caffemodel. Raises ModelError where it is damaged or another network."""
    caffe = read(data)
    layers = list(_layers(caffe))
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
    p = float(found.group(1)) if found and found.group(1).count(".") <= 1 and found.group(1) != "." else 1.0
    if not 0.0 <= p < 1.0:
        raise ModelError(f"the Caffe model's layer {layer.name} has parameters {layer.parameters[:60]!r}, no dropout's")
    return p
