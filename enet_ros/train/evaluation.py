"""Scores during training: the averaged network, in float32, over a held-out list of pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.classes import VOID
from enet_ros.datasets.base import Pair
from enet_ros.metrics import ConfusionMatrix
from enet_ros.nn import ENet


def logits_of(network: ENet, card: ModelCard, image: U8) -> torch.Tensor:
    """(C, H, W) float32 logits of one image (H, W, 3) uint8 RGB."""
    channels = image if card.channel_order == "rgb" else image[..., ::-1].copy()
    x = torch.from_numpy(channels).permute(2, 0, 1)[None].float()
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (card.mean, card.std))
    with torch.inference_mode():
        out: torch.Tensor = network((x - mean) / std)[0]
    return out


def confusion(network: ENet, card: ModelCard, pairs: list[Pair]) -> ConfusionMatrix:
    """One confusion matrix over all pairs."""
    matrix = ConfusionMatrix(card.spec.num_classes)
    for image, labels in pairs:
        matrix.add(labels, logits_of(network, card, image).argmax(0).to(torch.uint8).numpy())
    return matrix


def sampled_logits(network: ENet, card: ModelCard, pairs: list[Pair], every: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Of one in `every` known pixels: logits (P, C) float32 and labels (P,) int64."""
    columns, truths = [], []
    for image, labels in pairs:
        known = np.flatnonzero(labels.ravel() != VOID)[::every]
        columns.append(logits_of(network, card, image).flatten(1)[:, known].T)
        truths.append(torch.from_numpy(labels.ravel()[known].astype(np.int64)))
    return torch.cat(columns), torch.cat(truths)


class Calibrated(NamedTuple):
    """The temperature of least negative log-likelihood, and that likelihood before and after (nats a pixel)."""

    temperature: float
    before: float
    after: float


def calibrate(network: ENet, card: ModelCard, pairs: list[Pair]) -> Calibrated:
    """Temperature scaling (Guo et al. 2017, section 4.2) on every 37th known pixel of pairs not trained on."""
    logits, target = sampled_logits(network, card, pairs, 37)
    logits = logits.double()
    candidates = np.geomspace(0.5, 4.0, 85)
    losses = [torch.nn.functional.cross_entropy(logits / t, target).item() for t in candidates]
    best = int(np.argmin(losses))
    before = torch.nn.functional.cross_entropy(logits, target).item()
    return Calibrated(round(float(candidates[best]), 3), before, losses[best])
