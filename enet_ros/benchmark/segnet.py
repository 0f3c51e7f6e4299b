"""SegNet (Badrinarayanan et al. 2017, arXiv 1511.00561) for its size alone: ENet's paper compares itself with it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

ENCODER = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of VGG-16's thirteen convolutions, by stage."""


class SegNet(nn.Module):
    """(N, 3, H, W) float32 -> logits (N, C, H, W): VGG-16's convolutions, and the same backwards with max-unpooling."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        channels = 3
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for stage in ENCODER:
            down.append(_stage(channels, stage))
            before, channels = channels, stage[-1]
            up.insert(0, _stage(channels, (*stage[:-1], num_classes if before == 3 else before), last=before == 3))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)

    def forward(self, x: Tensor) -> Tensor:
        """Logits at the image's size."""
        pooled = []
        for stage in self.down:
            x = stage(x)
            size = x.shape[-2:]
            x, where = F.max_pool2d(x, 2, 2, return_indices=True)
            pooled.append((where, size))
        for stage in self.up:
            where, size = pooled.pop()
            x = stage(F.max_unpool2d(x, where, [2, 2], [2, 2], output_size=list(size)))
        return x


def _stage(channels: int, stage: tuple[int, ...], last: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = []
    for out in stage:
        layers += [nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
        channels = out
    return nn.Sequential(*layers[:-2] if last else layers)
