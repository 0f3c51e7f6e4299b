"""The stages of a recipe: the module that each trains, its optimizer, and the moving average of the weights."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from enet_ros.nn import ENet
from enet_ros.spec import STRIDE
from enet_ros.train.recipe import Recipe


class Encoder(nn.Module):
    """The encoder with a 1x1 classifier on top: (N, 3, H, W) -> (N, C, H/8, W/8), paper section 5.1."""

    def __init__(self, network: ENet) -> None:
        super().__init__()
        self.network = network
        self.classifier = nn.Conv2d(128, network.spec.num_classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.network.encode(image)[0])
        return logits


class Stage(NamedTuple):
    """A name, the module that computes logits, its epochs, and how much smaller its labels are than the image."""

    name: str
    module: nn.Module
    epochs: int
    shrink: int


def stages(network: ENet, recipe: Recipe) -> list[Stage]:
    """The stages of a recipe, in order."""
    full = Stage("full", network, recipe.epochs, 1)
    if not recipe.encoder_epochs:
        return [full]
    return [Stage("encoder", Encoder(network), recipe.encoder_epochs, STRIDE), full]


def freeze(network: ENet, names: tuple[str, ...]) -> None:
    """Keep weights and statistics of some parts of the network as they are, and draw no dropout there."""
    for name in names:
        network.get_submodule(name).requires_grad_(False).eval()


def shrink_labels(labels: Tensor, factor: int) -> Tensor:
    """(N, H, W) -> (N, H/f, W/f): the label at the middle of each f x f cell."""
    return labels if factor == 1 else labels[:, factor // 2 :: factor, factor // 2 :: factor]


def optimizer(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Adam or AdamW, of what is not frozen; AdamW does not decay slopes, biases and norms. One kernel on a GPU."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    fused = parameters[0].is_cuda
    if recipe.optimizer == "adam":
        return torch.optim.Adam(parameters, recipe.learning_rate, weight_decay=recipe.weight_decay, fused=fused)
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, recipe.learning_rate, fused=fused)


class Average:
    """The exponential moving average of a network's weights and running statistics (Polyak averaging).

    With decay 0 it is a copy of the network's latest state.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        latest = {name: tensor.detach() for name, tensor in network.state_dict().items()}
        self.state = {name: tensor.clone() for name, tensor in latest.items()}
        floats = [name for name, tensor in latest.items() if tensor.is_floating_point()]
        self._own, self._latest = [self.state[name] for name in floats], [latest[name] for name in floats]

    def update(self) -> None:
        """Take one step towards the network; early steps are larger, so that the start is soon forgotten."""
        self.steps += 1
        share = 1.0 - min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.decay else 1.0
        torch._foreach_lerp_(self._own, self._latest, share)

    def load(self, state: dict[str, Tensor], steps: int) -> None:
        """Go on from a checkpoint."""
        self.steps = steps
        for name, tensor in state.items():
            self.state[name].copy_(tensor)
