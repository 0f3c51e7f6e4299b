"""Losses of labels that each allow a set of classes: the likelihood of the set, and Lovasz-softmax where it decides."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from enet_ros.arrays import I64
from enet_ros.classes import VOID


def class_weights(pixel_counts: I64, c: float) -> Tensor:
    """(C,) float32: 1 / ln(c + p) with p the share of the class's pixels (paper 5.1); ones where c is 0."""
    if not c:
        return torch.ones(len(pixel_counts))
    share = pixel_counts / max(1, pixel_counts.sum())
    return torch.from_numpy((1.0 / np.log(c + share)).astype(np.float32))


def set_entropy(logits: Tensor, allowed: Tensor) -> Tensor:
    """Minus the logarithm of the probability that the class is an allowed one, that is of the sum of their soft-max.

    logits (N, C, H, W) float32, allowed (N, C, H, W) bool -> (N, H, W). Of one class it is the cross-entropy, of all
    classes 0. The likelihood of partial labels, as Bevandic et al. 2022 train on many datasets (arXiv 2108.11224).
    """
    return logits.logsumexp(1) - logits.masked_fill(~allowed, -torch.inf).logsumexp(1)


class Objective(nn.Module):
    """Network and weighted entropy in one module, so that a compiler can fuse them.

    (image (N, H, W, 3) uint8, labels (N, H, W) uint8, the run's target values) -> the weighted entropy's sum over the
    pixels that are not void, the sum of their weights, and every sixteenth pixel's logits (N, C, H/4, W/4) float32 and
    labels for the losses that need sorting. A set's weight is the mean of its classes'.
    """

    bits: Tensor
    weights: Tensor
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        sets: Tensor,
        weights: Tensor,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        """`sets` (256, C) bool as in `Targets`, `weights` (C,)."""
        super().__init__()
        self.network = network
        bits = (sets.long() << torch.arange(sets.shape[1])).sum(1)
        each = sets.float() @ weights / sets.sum(1)
        each[VOID] = 0.0
        self.register_buffer("bits", bits, persistent=False)  # (256,) bit c: may be class c
        self.register_buffer("weights", each, persistent=False)  # (256,)
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, image: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = (image.permute(0, 3, 1, 2).float() - self.mean) / self.std
        logits = self.network(x).float()
        target = labels.long()
        channels = torch.arange(logits.shape[1], device=logits.device).view(1, -1, 1, 1)
        allowed = ((self.bits[target][:, None] >> channels) & 1).bool()
        weights = self.weights[target]
        entropy = (weights * set_entropy(logits, allowed)).sum()
        return entropy, weights.sum(), logits[:, :, 1::4, 1::4], target[:, 1::4, 1::4]


def lovasz_softmax(logits: Tensor, labels: Tensor, sets: Tensor) -> Tensor:
    """Mean over the present classes of the Lovasz extension of 1 - IoU (Berman et al. 2018); 0 where all is void.

    logits (N, C, H, W), labels (N, H, W), sets (256, C) bool as in `Targets`. A class is judged on the pixels that
    decide of it: those whose set is it alone, and those whose set lacks it. The others are given the error 0, which
    sorts them behind all that count and weighs nothing. (Nothing is picked out by a mask: that would have the CPU wait
    for a GPU.)
    """
    probabilities = logits.softmax(1).transpose(0, 1).flatten(1)  # (C, P): a row is sorted many times faster
    labels = labels.flatten()
    allowed = sets.T[:, labels]  # (C, P)
    known = labels != VOID
    alone = allowed & known & (allowed.sum(0) == 1)
    present = alone.any(1).to(probabilities.dtype)  # (C,)
    decided = (alone | ~allowed) & known
    errors, order = torch.sort((alone.to(probabilities.dtype) - probabilities).abs() * decided, 1, descending=True)
    truth = alone.to(probabilities.dtype).gather(1, order)
    total = truth.sum(1, keepdim=True)
    intersection = total - truth.cumsum(1)
    union = total + (1.0 - truth).cumsum(1)
    jaccard = 1.0 - intersection / union
    slope = torch.cat((jaccard[:, :1], jaccard[:, 1:] - jaccard[:, :-1]), 1)
    return ((errors * slope).sum(1) * present).sum() / present.sum().clamp(min=1.0)
