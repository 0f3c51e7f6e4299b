"""Turn another project's layers, in their order, into the tensors of our ENet: what all importers share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from torch import nn

from enet_ros.arrays import F32
from enet_ros.errors import ModelError
from enet_ros.nn.enet import ENet, Sum
from enet_ros.spec import ENetSpec

Arrays = Mapping[str, F32]


class Layer(NamedTuple):
    """A layer with weights: its kind, its place in the foreign file, its arrays by torch's names and layouts."""

    kind: str  # "conv", "deconv", "norm" or "prelu"
    where: str
    arrays: Arrays


_KINDS: dict[type[nn.Module], str] = {
    nn.Conv2d: "conv",
    nn.ConvTranspose2d: "deconv",
    nn.BatchNorm2d: "norm",
    nn.PReLU: "prelu",
}


def _modules(network: ENet, skip_first: bool) -> Iterator[tuple[str, nn.Module]]:
    """Our layers with weights in the order of computation; a skip's before or behind those of its branch."""
    late: list[tuple[str, nn.Module]] = []
    for name, module in network.named_modules():
        if isinstance(module, Sum):  # branch and skip are through
            yield from late
            late = []
        if type(module) in _KINDS:
            if ".skip." in name and not skip_first:
                late.append((name, module))
            else:
                yield name, module


def assemble(spec: ENetSpec, layers: Sequence[Layer], *, skip_first: bool) -> dict[str, F32]:
    """The foreign layers under our state-dict names.

    `skip_first` tells the order in bottlenecks whose skip has layers: the skip's before the branch's, or behind.
    Raises ModelError naming the first layer whose kind or shape is not the one that `spec` needs there.
    """
    tensors: dict[str, F32] = {}
    ours = list(_modules(ENet(spec), skip_first))
    for (name, module), layer in zip(ours, layers):  # noqa: B905 (the first difference says more than the counts)
        kind = _KINDS[type(module)]
        if layer.kind != kind:
            raise ModelError(f"{layer.where} is a {layer.kind}, ENet has the {kind} {name} there: another network")
        wanted = {key: tuple(value.shape) for key, value in module.state_dict().items() if value.ndim}
        given = {key: value.shape for key, value in layer.arrays.items()}
        if wanted != given:
            raise ModelError(f"{layer.where} has arrays {given}, where ENet's {name} needs {wanted}")
        for key, value in layer.arrays.items():
            if not np.isfinite(value).all():
                raise ModelError(f"{layer.where} has numbers in {key} that are not finite; the file is damaged")
            tensors[f"{name}.{key}"] = np.ascontiguousarray(value, dtype=np.float32)
    if len(ours) != len(layers):
        raise ModelError(f"the file has {len(layers)} layers with weights, this ENet {len(ours)}: another network")
    return tensors


def scale_norm(layer: Layer, factor: float) -> Layer:
    """A batch norm whose output is multiplied by `factor`."""
    scaled = {key: layer.arrays[key] * np.float32(factor) for key in ("weight", "bias")}
    return layer._replace(arrays={**layer.arrays, **scaled})
