"""Begin from another model: tensors of equal shape are taken over, class outputs are matched by name."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from enet_ros.classes import ClassTable
from enet_ros.errors import ConfigError
from enet_ros.model_file import Model
from enet_ros.nn import ENet

# Names that different datasets give to one thing.
_SYNONYMS = {
    "pavement": "sidewalk",
    "tree": "vegetation",
    "sign": "traffic sign",
    "pedestrian": "person",
    "bicyclist": "rider",
}


class Transfer(NamedTuple):
    """What was taken over: tensors as they are, classes by name, and what keeps its random start."""

    tensors: int
    classes: tuple[str, ...]
    fresh: tuple[str, ...]


def match_classes(ours: ClassTable, theirs: ClassTable) -> dict[int, int]:
    """Our class id -> theirs, where the names agree or are synonyms."""
    other = {name: index for index, name in enumerate(theirs.names)}
    forward = {**_SYNONYMS, **{v: k for k, v in _SYNONYMS.items()}}
    pairs = ((i, other.get(name, other.get(forward.get(name, ""), -1))) for i, name in enumerate(ours.names))
    return {i: j for i, j in pairs if j >= 0}


def transfer(network: ENet, classes: ClassTable, source: Model) -> Transfer:
    """Fill `network` from a model with another class table or other activations.

    A PReLU whose source is a ReLU starts at slope 0, which computes the same.
    """
    state = network.state_dict()
    pairs = match_classes(classes, source.card.classes)
    taken, fresh = 0, []
    with torch.no_grad():
        for name, tensor in state.items():
            array = source.tensors.get(name)
            if name.startswith("last.") and array is not None and pairs:
                axis = 1 if name == "last.weight" else 0
                ours, theirs = list(pairs), list(pairs.values())
                moved = torch.from_numpy(np.take(array, theirs, axis))
                if moved.shape[2:] == tensor.shape[2:]:
                    tensor.index_copy_(axis, torch.tensor(ours, device=tensor.device), moved.to(tensor.device))
                    continue
            if array is not None and tuple(array.shape) == tuple(tensor.shape):
                tensor.copy_(torch.from_numpy(np.array(array)))
                taken += 1
            elif _is_slope(name, state) and array is None:
                tensor.zero_()
            elif not name.endswith("num_batches_tracked"):
                fresh.append(name)
    network.load_state_dict(state)
    return Transfer(taken, tuple(classes.names[i] for i in pairs), tuple(fresh))


def keep_initial(network: ENet, classes: ClassTable, source: Model, share: float) -> None:
    """Move a trained network back to where it began by `share` of the way (WiSE-FT, Wortsman et al. 2022).

    In between a network is often better on data unlike that of its training than at either end, at little loss at home.
    Raises ConfigError where not all of it came from `source`: half-way to random numbers lies nothing of use.
    """
    initial = ENet(network.spec)
    taken = transfer(initial, classes, source)
    if taken.fresh or len(taken.classes) < classes.num_classes:
        raise ConfigError(
            f"{source.card.name} gives only a part of the weights: there is no way back to it; leave out --keep-init"
        )
    start, state = initial.to(next(network.parameters()).device).state_dict(), network.state_dict()
    with torch.no_grad():
        for name, tensor in state.items():
            if tensor.is_floating_point():
                tensor.lerp_(start[name], share)


def _is_slope(name: str, state: dict[str, torch.Tensor]) -> bool:
    """A PReLU's only tensor is a vector `weight`; a batch norm's stands beside a `running_mean`."""
    stem = name.removesuffix(".weight")
    return name.endswith(".weight") and state[name].dim() == 1 and f"{stem}.running_mean" not in state
