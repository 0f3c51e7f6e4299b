"""PyTorch-ENet checkpoints (github.com/davidtvs/PyTorch-ENet), all its layouts; read by torch's weights-only loader.

The layouts, by the months in which its main branch changed, and how the state dict tells them apart:

2018-02  PReLUs with one slope inside the branches and one a channel behind the sums; 3x3 pools (windows overlap);
         up-sampling and last kernels of 3; activations behind every expansion
2018-04  one slope a block; a ReLU decoder is the default
2019-08  2x2 pools and up-sampling kernels ("ext_tconv1")
2021-03  no activation behind the expansion of the up-sampling bottlenecks; with a ReLU decoder the tensors are those
         of 2019-08, so that the caller has to say which it is
"""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID12, CITYSCAPES20, ClassTable
from enet_ros.errors import ModelError
from enet_ros.model_file import Model
from enet_ros.nn.importers.assemble import Layer, assemble
from enet_ros.spec import ENetSpec, variant

_MAX_UNPACKED = 64 << 20
_MAX_ENTRIES = 4096
_MAX_ELEMENTS = 1 << 20  # the largest kernel of any ENet has a hundredth of it
_LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"  # torch < 1.6: its magic number, pickled
_INPUT_SIZES = {12: (360, 480), 20: (512, 1024)}  # the training defaults of the project for CamVid and Cityscapes


def recognises(data: bytes) -> bool:
    """Whether a file begins as torch.save writes it: a zip archive, or the magic number of torch before 1.6."""
    return data.startswith((b"PK\x03\x04", _LEGACY))


def load(data: bytes, name: str, classes: ClassTable | None, *, before_2021: bool = False) -> Model:
    """The model in a checkpoint; input RGB / 255. Raises ModelError where it is damaged or another network.

    `before_2021` picks the layout of 2019-08 where the tensors cannot tell it from that of 2021-03.
    """
    state = _state(_unpickle(data))
    spec = _spec(state, before_2021)
    table = classes or {12: CAMVID12, 20: CITYSCAPES20}.get(spec.num_classes)
    if table is None:
        raise ModelError(f"the checkpoint has {spec.num_classes} classes that no table names; give --classes")
    card = ModelCard(
        name=name,
        spec=spec,
        classes=table,
        input_size=_INPUT_SIZES.get(spec.num_classes, (360, 480)),
        provenance="imported from a PyTorch-ENet checkpoint (github.com/davidtvs/PyTorch-ENet)",
    )
    return Model(card, assemble(spec, list(_layers(state)), skip_first=True))


def _unpickle(data: bytes) -> object:
    """The result of torch.load, after a check of the sizes that a zip archive announces."""
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist() if data.startswith(b"PK") else []
        if len(entries) <= _MAX_ENTRIES and sum(entry.file_size for entry in entries) <= _MAX_UNPACKED:
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 (zipfile and torch raise whatever damaged bytes lead to)
        reason = str(error).partition("\n")[0][:120] or type(error).__name__
        raise ModelError(
            f"the checkpoint cannot be read as tensors alone ({reason}); it is damaged or unsafe"
        ) from None
    raise ModelError(f"the checkpoint unpacks to more than {_MAX_UNPACKED >> 20} MiB; it is not an ENet")


def _state(checkpoint: object) -> dict[str, Tensor]:
    """The state dict of a checkpoint, which is one itself or has it under "state_dict"; ModelError otherwise."""
    if isinstance(checkpoint, Mapping) and isinstance(checkpoint.get("state_dict"), Mapping):
        checkpoint = checkpoint["state_dict"]
    if not isinstance(checkpoint, Mapping) or not checkpoint:
        raise ModelError(f"the checkpoint holds a {type(checkpoint).__name__}, not a state dict")
    state: dict[str, Tensor] = {}
    for key, value in checkpoint.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise ModelError(f"the checkpoint's entry {str(key)[:60]!r} is a {type(value).__name__}, not a tensor")
        if value.numel() > _MAX_ELEMENTS or value.layout != torch.strided:
            raise ModelError(f"the checkpoint's {key} has shape {tuple(value.shape)}; no layer of an ENet is like it")
        state[key.removeprefix("module.")] = value  # as nn.DataParallel prefixes them
    return state


def _spec(state: Mapping[str, Tensor], before_2021: bool) -> ENetSpec:
    """The variant, from the names and shapes in the state dict."""
    last = state.get("transposed_conv.weight")
    if last is None or last.ndim != 4:
        raise ModelError("the checkpoint has no 'transposed_conv.weight' of four dimensions; it is not a PyTorch-ENet")
    slope = _slope(state, "initial_block")
    encoder = "relu" if slope is None else "prelu"
    decoder = "relu" if _slope(state, "upsample4_0") is None else "prelu"
    if "upsample4_0.ext_tconv1.weight" in state:
        told = decoder == "prelu"
        older = "upsample4_0.ext_conv2.2.weight" in state if told else before_2021
        layout = "pytorch-enet-2019-08" if older else "pytorch-enet-2021-03"
    elif slope is not None and slope.numel() > 1:
        layout = "pytorch-enet-2018-02"
    else:
        layout = "pytorch-enet-2018-04"
    return dataclasses.replace(
        variant(layout, last.shape[1]),
        encoder_activation=encoder,
        decoder_activation=decoder,
        decoder_output_activation=decoder,
    )


def _slope(state: Mapping[str, Tensor], block: str) -> Tensor | None:
    return state.get(f"{block}.out_prelu.weight", state.get(f"{block}.out_activation.weight"))


def _layers(state: Mapping[str, Tensor]) -> Iterator[Layer]:
    """The state dict's tensors by layer, in its own order, which is that of the computation."""
    groups: dict[str, dict[str, Tensor]] = {}
    for key, value in state.items():
        where, _, leaf = key.rpartition(".")
        if leaf != "num_batches_tracked":
            groups.setdefault(where, {})[leaf] = value
    for where, tensors in groups.items():
        arrays = {leaf: np.asarray(value.detach().float().numpy()) for leaf, value in tensors.items()}
        yield Layer(_kind(where, tensors), where, arrays)


def _kind(where: str, tensors: Mapping[str, Tensor]) -> str:
    if "running_mean" in tensors:
        return "norm"
    weight = tensors.get("weight")
    if weight is None or weight.ndim != 4:
        return "prelu"
    up = where.startswith("upsample") and weight.shape[-1] > 1  # its other convolutions are 1x1
    return "deconv" if up or where == "transposed_conv" else "conv"
