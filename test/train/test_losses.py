"""Losses against values worked out by hand and against a brute-force Lovasz extension."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from enet_ros.classes import VOID
from enet_ros.train.losses import Objective, class_weights, lovasz_softmax


def test_class_weights_are_the_papers() -> None:
    weights = class_weights(np.array([90, 10, 0]), 1.02)
    assert weights.tolist() == pytest.approx([1.532978, 8.823892, 50.498350], rel=1e-6)
    assert class_weights(np.array([90, 10]), 0).tolist() == [1, 1]


class Given(nn.Module):
    """Answers with fixed logits."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits


def test_cross_entropy_ignores_void_and_weighs_classes() -> None:
    logits = torch.zeros(1, 2, 4, 4)
    labels = torch.full((1, 4, 4), VOID, dtype=torch.uint8)
    labels[0, 1, 1], labels[0, 2, 2] = 0, 1
    objective = Objective(Given(logits), torch.tensor([1.0, 3.0]), 0.0, (0.0,) * 3, (255.0,) * 3)
    entropy, sampled, target = objective(torch.zeros(1, 4, 4, 3, dtype=torch.uint8), labels)
    assert entropy.item() == pytest.approx(np.log(2.0))
    assert sampled.shape == (1, 2, 1, 1) and target.item() == 0


def jaccard_loss(wrong: tuple[int, ...], truth: list[int]) -> float:
    """1 - IoU of a class when the pixels in `wrong` are mislabelled."""
    predicted = [t ^ (i in wrong) for i, t in enumerate(truth)]
    both = sum(p and t for p, t in zip(predicted, truth, strict=True))
    return 1 - both / sum(p or t for p, t in zip(predicted, truth, strict=True))


def test_lovasz_is_the_integral_over_level_sets() -> None:
    """Bach 2013, definition 3.1: the extension is the integral of the set function over the errors' level sets."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(1, 2, 1, 6, generator=generator)
    truth = [1, 0, 0, 1, 1, 0]
    probability = logits.softmax(1)[0, :, 0]  # (2, 6)
    expected = 0.0
    for cls in (0, 1):
        member = [int(t == cls) for t in truth]
        errors = [abs(m - float(p)) for m, p in zip(member, probability[cls], strict=True)]
        levels = sorted({0.0, *errors})
        for low, high in itertools.pairwise(levels):
            expected += (high - low) * jaccard_loss(tuple(i for i, e in enumerate(errors) if e >= high), member)
    assert lovasz_softmax(logits, torch.tensor([[truth]])).item() == pytest.approx(expected / 2, abs=1e-6)


def test_lovasz_of_void_alone_is_zero() -> None:
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss = lovasz_softmax(logits, torch.full((1, 2, 2), VOID))
    loss.backward()
    assert loss.item() == 0 and logits.grad is not None and not logits.grad.any()


def test_lovasz_is_zero_when_right_and_leaves_void_out() -> None:
    labels = torch.tensor([[[0, 1, VOID, 1]]])
    logits = torch.full((1, 3, 1, 4), -50.0)
    logits[0, 0, 0, 0] = logits[0, 1, 0, 1] = logits[0, 2, 0, 2] = logits[0, 1, 0, 3] = 50.0
    assert lovasz_softmax(logits, labels).item() == pytest.approx(0.0, abs=1e-6)
    assert torch.isfinite(lovasz_softmax(logits, labels))
