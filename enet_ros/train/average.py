"""Average: the exponential moving average of a network's weights and running statistics (Polyak averaging)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Average:
    """Follows a network step by step. With decay 0 it is a copy of the network's latest state."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.state = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}

    def update(self, network: nn.Module) -> None:
        """Take one step towards the network; early steps are larger, so that the start is forgotten."""
        self.steps += 1
        share = 1.0 - min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.decay else 1.0
        state = network.state_dict()
        floats = [name for name, tensor in state.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([self.state[name] for name in floats], [state[name].detach() for name in floats], share)

    def load(self, state: dict[str, Tensor], steps: int) -> None:
        """Go on from a checkpoint."""
        self.steps = steps
        for name, tensor in state.items():
            self.state[name].copy_(tensor)
