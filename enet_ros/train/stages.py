"""What each stage of a recipe trains: the encoder with a classifier of its own, then the whole network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from enet_ros.arrays import U8
from enet_ros.datasets.base import Pair
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
        """See the class."""
        logits: Tensor = self.classifier(self.network.encode(image)[0])
        return logits


class Stage(NamedTuple):
    """A name, the module that gives logits, its epochs, and how much smaller its labels are."""

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


def shrink_labels(labels: Tensor, factor: int) -> Tensor:
    """(N, H, W) -> (N, H/f, W/f): the label at the middle of each f x f cell."""
    return labels if factor == 1 else labels[:, factor // 2 :: factor, factor // 2 :: factor]


def optimizer(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Adam or AdamW; slopes, biases and norms are not decayed by AdamW."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    if recipe.optimizer == "adam":
        return torch.optim.Adam(parameters, recipe.learning_rate, weight_decay=recipe.weight_decay)
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, recipe.learning_rate)


def fit_size(pairs: Iterable[Pair], size: tuple[int, int]) -> list[Pair]:
    """Pairs resized to (height, width), one after the other: images by area, labels by nearest neighbour."""
    return [_resized(pair, size) for pair in pairs]


def shrink_to(pairs: Iterable[Pair], size: tuple[int, int]) -> list[Pair]:
    """As `fit_size`, but sides that are shorter than (height, width) stay: augmentation magnifies them in one step."""
    return [_resized(pair, (min(pair[1].shape[0], size[0]), min(pair[1].shape[1], size[1]))) for pair in pairs]


def _resized(pair: Pair, size: tuple[int, int]) -> Pair:
    image, labels = pair
    if labels.shape == size:
        return pair
    where = (size[1], size[0])
    small: U8 = np.asarray(cv2.resize(image, where, interpolation=cv2.INTER_AREA), np.uint8)
    return small, np.asarray(cv2.resize(labels, where, interpolation=cv2.INTER_NEAREST), np.uint8)
