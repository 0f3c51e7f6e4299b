"""Losses: weighted cross-entropy (paper 5.1) and the Lovasz-softmax surrogate of the IoU (Berman et al. 2018)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from enet_ros.classes import VOID


def class_weights(pixel_counts: npt.NDArray[np.int64], c: float) -> Tensor:
    """(C,) float32: 1 / ln(c + p) with p the share of the class's pixels (paper 5.1); ones where c is 0."""
    if not c:
        return torch.ones(len(pixel_counts))
    share = pixel_counts / max(1, pixel_counts.sum())
    return torch.from_numpy((1.0 / np.log(c + share)).astype(np.float32))


class Objective(nn.Module):
    """Network and cross-entropy in one module, so that a compiler can fuse them.

    (image (N, H, W, 3) uint8, labels (N, H, W) uint8) -> the weighted cross-entropy, and every fourth pixel's logits
    (N, C, H/4, W/4) float32 and labels for the losses that need sorting.
    """

    weights: Tensor
    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, weights: Tensor, smoothing: float, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.network = network
        self.smoothing = smoothing
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, image: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        x = (image.permute(0, 3, 1, 2).float() - self.mean) / self.std
        logits = self.network(x).float()
        target = labels.long()
        entropy = F.cross_entropy(
            logits, target, weight=self.weights, ignore_index=VOID, label_smoothing=self.smoothing
        )
        return entropy, logits[:, :, 1::4, 1::4], target[:, 1::4, 1::4]


def lovasz_softmax(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the present classes of the Lovasz extension of 1 - IoU; 0 where all is void.

    logits (N, C, H, W), labels (N, H, W).
    """
    classes = logits.shape[1]
    known = labels != VOID
    probabilities = logits.softmax(1).permute(0, 2, 3, 1)[known]  # (P, C)
    target = F.one_hot(labels[known], classes).to(probabilities.dtype)  # (P, C)
    present = target.sum(0) > 0
    if not present.any():
        return logits.sum() * 0.0
    errors, order = torch.sort((target - probabilities).abs()[:, present], 0, descending=True)
    truth = target[:, present].gather(0, order)
    total = truth.sum(0, keepdim=True)
    intersection = total - truth.cumsum(0)
    union = total + (1.0 - truth).cumsum(0)
    jaccard = 1.0 - intersection / union
    slope = torch.cat((jaccard[:1], jaccard[1:] - jaccard[:-1]))
    return (errors * slope).sum(0).mean()
