"""The averaged network on whole frames: its scores, and the two corrections of its outputs at the end of a run."""

from __future__ import annotations

import numpy as np
import torch

from enet_ros.arrays import F32, U8
from enet_ros.card import ModelCard
from enet_ros.classes import VOID
from enet_ros.datasets.base import Pair
from enet_ros.metrics import ConfusionMatrix
from enet_ros.nn import ENet

BALANCE_EVERY, BALANCE_MOST = 97, 1_000_000
"""`balance` looks at one in so many known pixels; at fewer of a large dataset, so that there are about BALANCE_MOST."""
BALANCE_STEPS = (0.5, 0.25, 0.125)
"""Sizes of the changes that `balance` tries, in logits."""
CALIBRATE_EVERY = 37
"""`calibrate` looks at one in so many known pixels."""


def logits_of(network: ENet, card: ModelCard, image: U8) -> torch.Tensor:
    """(C, H, W) float32 logits of one image (H, W, 3) uint8 RGB, on the network's device."""
    channels = image if card.channel_order == "rgb" else image[..., ::-1].copy()
    device = next(network.parameters()).device
    x = torch.from_numpy(channels).to(device).permute(2, 0, 1)[None].float()
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (card.mean, card.std))
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        out: torch.Tensor = network((x - mean) / std)[0]
    return out


def confusion(network: ENet, card: ModelCard, pairs: list[Pair]) -> ConfusionMatrix:
    """One confusion matrix over all pairs."""
    matrix = ConfusionMatrix(card.spec.num_classes)
    for image, labels in pairs:
        matrix.add(labels, logits_of(network, card, image).argmax(0).to(torch.uint8).cpu().numpy())
    return matrix


def sampled_logits(network: ENet, card: ModelCard, pairs: list[Pair], every: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (P, C) float32 and labels (P,) int64 of one in `every` known pixels."""
    columns, truths = [], []
    for image, labels in pairs:
        known = np.flatnonzero(labels.ravel() != VOID)[::every]
        columns.append(logits_of(network, card, image).flatten(1)[:, known].T.cpu())
        truths.append(torch.from_numpy(labels.ravel()[known].astype(np.int64)))
    return torch.cat(columns), torch.cat(truths)


def calibrate(network: ENet, card: ModelCard, pairs: list[Pair]) -> float:
    """The temperature of least negative log-likelihood on pairs not trained on (Guo et al. 2017, section 4.2)."""
    logits, target = sampled_logits(network, card, pairs, CALIBRATE_EVERY)
    candidates = np.geomspace(0.5, 4.0, 85)
    losses = [torch.nn.functional.cross_entropy(logits.double() / t, target).item() for t in candidates]
    return round(float(candidates[np.argmin(losses)]), 3)


def balance(network: ENet, card: ModelCard, pairs: list[Pair]) -> F32:
    """Add offsets to the bias of the last layer that give the greatest mIoU on `pairs`, the frames trained on.

    The loss, the class weights and the pasted rare classes all move the line at which one class wins over another away
    from where the IoU wants it; the offsets move it back. Returns them, (C,) float32 with mean 0.
    """
    every = max(BALANCE_EVERY, sum(labels.size for _, labels in pairs) // BALANCE_MOST)
    logits, truth = sampled_logits(network, card, pairs, every)
    offsets = best_offsets(logits.numpy(), truth.numpy().astype(np.uint8))
    with torch.no_grad():
        bias = network.get_parameter("last.bias")
        bias.add_(torch.from_numpy(offsets).to(bias.device))
    return offsets


def handicap(network: ENet, card: ModelCard, logits: float) -> None:
    """Take so much from the outputs of the drivable classes, on the bias of the last layer."""
    with torch.no_grad():
        network.get_parameter("last.bias")[list(card.classes.indices(card.classes.drivable))] -= logits


def best_offsets(logits: F32, truth: U8) -> F32:
    """(P, C) logits and (P,) labels -> (C,) offsets of no lower mIoU than zeros have, by coordinate ascent."""

    def score(offsets: F32) -> float:
        matrix = ConfusionMatrix(logits.shape[1])
        matrix.add(truth[None], (logits + offsets).argmax(1).astype(np.uint8)[None])
        return matrix.miou()

    offsets = np.zeros(logits.shape[1], np.float32)
    best = score(offsets)
    for step in BALANCE_STEPS:
        improved = True
        while improved:
            improved = False
            for index in range(len(offsets)):
                for change in (-step, step):
                    tried = offsets.copy()
                    tried[index] += change
                    if (found := score(tried)) > best + 1e-5:
                        offsets, best, improved = tried, found, True
    offsets -= offsets.mean()
    return offsets
