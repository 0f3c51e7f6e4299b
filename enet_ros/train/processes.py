"""Processes: several that train one network, each on its part of every batch, as one process would on the whole.

Started by torchrun, which names them in the environment. Whatever one process computes over a batch (statistics of the
normalisation, weights of the loss, masks of the dropout) is computed over the parts of all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce

from enet_ros.errors import ConfigError


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Within it, this process and its siblings know each other; alone, nothing happens."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def count() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Which of them this one is, from 0; the first writes and speaks for all."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def own_rows(rows: int) -> slice:
    """Of a batch of so many rows, those of this process. ConfigError where they do not divide."""
    if rows % count():
        raise ConfigError(f"{count()} processes cannot share batches of {rows} frames: give a --batch that divides")
    each = rows // count()
    return slice(rank() * each, (rank() + 1) * each)


def gathered(tensor: Tensor) -> Tensor:
    """The tensors of all processes, of one shape, by rank: (count, *shape). Gradients find their way back."""
    if count() == 1:
        return tensor[None]
    rows = tensor.new_zeros((count(), *tensor.shape))
    rows[rank()] = tensor
    return torch.as_tensor(all_reduce(rows))  # type: ignore[no-untyped-call]


def anywhere(found: bool, device: str) -> bool:
    """Whether something was found by any of the processes."""
    return found if count() == 1 else bool(gathered(torch.tensor(float(found), device=device)).any())


def share(network: nn.Module) -> None:
    """Have normalisation and dropout of a network work on whole batches."""
    for module in network.modules():
        if count() > 1 and type(module) in _SHARED:
            module.__class__ = _SHARED[type(module)]


class _BatchNorm(nn.BatchNorm2d):
    """With mean and variance over the parts of all processes. (torch's SyncBatchNorm works on GPUs alone.)"""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        variance, mean = torch.var_mean(x.float(), (0, 2, 3), correction=0)
        means, variances = gathered(torch.stack((mean, variance))).unbind(1)  # (count, C) each
        mean = means.mean(0)
        variance = (variances + (means - mean) ** 2).mean(0)
        pixels = x.numel() // x.shape[1] * count()
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * pixels / (pixels - 1), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]


class _Dropout(nn.Dropout2d):
    """With this process's rows of the mask that one process would draw for the whole batch."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        rows = x.shape[0]
        whole = nn.functional.dropout2d(x.new_ones((rows * count(), x.shape[1], 1, 1)), self.p)
        return x * whole[rank() * rows : (rank() + 1) * rows]


_SHARED: dict[type[nn.Module], type[nn.Module]] = {nn.BatchNorm2d: _BatchNorm, nn.Dropout2d: _Dropout}
