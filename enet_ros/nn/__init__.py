"""The network in torch: ENet, its training form, and the way to and from model files."""

from __future__ import annotations

import numpy as np
import torch

from enet_ros.arrays import F32
from enet_ros.errors import ModelError
from enet_ros.model_file import Model
from enet_ros.nn.enet import Dropout, ENet
from enet_ros.spec import ENetSpec

__all__ = ["Dropout", "ENet", "ENetSpec", "build", "load_tensors", "tensors_of"]

_COUNTER = "num_batches_tracked"  # batch norm's own bookkeeping; plays no part in inference


def tensors_of(network: ENet) -> dict[str, F32]:
    """The network's parameters and running statistics as float32 arrays, by state-dict name."""
    return {
        name: tensor.detach().float().cpu().numpy()
        for name, tensor in network.state_dict().items()
        if not name.endswith(_COUNTER)
    }


def load_tensors(network: ENet, model: Model) -> None:
    """Put a model's tensors into a network. Raises ModelError naming missing, extra or mis-shaped tensors."""
    wanted = {n: tuple(t.shape) for n, t in network.state_dict().items() if not n.endswith(_COUNTER)}
    given = {name: array.shape for name, array in model.tensors.items()}
    problems = [f"missing {name}" for name in wanted.keys() - given.keys()]
    problems += [f"unknown {name}" for name in given.keys() - wanted.keys()]
    problems += [
        f"{name} has shape {given[name]}, needs {shape}"
        for name, shape in wanted.items()
        if name in given and given[name] != shape
    ]
    if problems:
        shown = "; ".join(sorted(problems)[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
        raise ModelError(f"the tensors of model {model.card.name!r} do not fit its card's network: {shown}")
    network.load_state_dict({n: torch.from_numpy(np.array(a)) for n, a in model.tensors.items()}, strict=False)


def build(model: Model) -> ENet:
    """The network of a model file, with its weights, in evaluation mode. Raises ModelError as `load_tensors`."""
    network = ENet(model.card.spec, Dropout(0.0, 0.0, 0.0))
    load_tensors(network, model)
    return network.eval()
