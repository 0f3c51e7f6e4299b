"""Balance: offsets of the class outputs that give the greatest mIoU.

The loss, the class weights and the pasted rare classes all move the line at which one class wins over another away from
where the IoU wants it; the offsets move it back. They are found on the frames that were trained on, unaltered.
"""

from __future__ import annotations

import numpy as np
import torch

from enet_ros.arrays import F32, U8
from enet_ros.card import ModelCard
from enet_ros.datasets.base import Pair
from enet_ros.metrics import ConfusionMatrix
from enet_ros.nn import ENet
from enet_ros.train.evaluation import sampled_logits

EVERY, MOST = 97, 1_000_000
"""One of so many known pixels is looked at; of large datasets fewer, so that there are about MOST."""
STEPS = (0.5, 0.25, 0.125)
"""Sizes of the changes tried, in logits."""


def balance(network: ENet, card: ModelCard, pairs: list[Pair]) -> F32:
    """Add to the bias of the last layer the offsets found on `pairs`; returns them, (C,) float32 with mean 0."""
    every = max(EVERY, sum(labels.size for _, labels in pairs) // MOST)
    logits, truth = sampled_logits(network, card, pairs, every)
    offsets = best_offsets(logits.numpy(), truth.numpy().astype(np.uint8))
    with torch.no_grad():
        network.get_parameter("last.bias").add_(torch.from_numpy(offsets))
    return offsets


def best_offsets(logits: F32, truth: U8) -> F32:
    """(P, C) logits and (P,) labels -> (C,) offsets of no lower mIoU than zeros have, by coordinate ascent."""

    def score(offsets: F32) -> float:
        matrix = ConfusionMatrix(logits.shape[1])
        matrix.add(truth[None], (logits + offsets).argmax(1).astype(np.uint8)[None])
        return matrix.miou()

    offsets = np.zeros(logits.shape[1], np.float32)
    best = score(offsets)
    for step in STEPS:
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
