"""Losses against values worked out by hand and against a brute-force Lovasz extension."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from enet_ros.classes import VOID
from enet_ros.train.losses import Objective, class_weights, lovasz_softmax


def sets_of(classes: int, *more: tuple[int, ...]) -> torch.Tensor:
    """(256, C) bool: the single classes, then sets; all else allows all."""
    sets = torch.ones(256, classes, dtype=torch.bool)
    sets[:classes] = torch.eye(classes, dtype=torch.bool)
    for value, members in enumerate(more, classes):
        sets[value] = torch.tensor([c in members for c in range(classes)])
    return sets


SINGLE = sets_of(2)


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
    objective = Objective(Given(logits), SINGLE, torch.tensor([1.0, 3.0]), (0.0,) * 3, (255.0,) * 3)
    entropy, weight, sampled, target = objective(torch.zeros(1, 4, 4, 3, dtype=torch.uint8), labels)
    assert (entropy / weight).item() == pytest.approx(np.log(2.0)) and weight == 4
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
    assert lovasz_softmax(logits, torch.tensor([[truth]]), SINGLE).item() == pytest.approx(expected / 2, abs=1e-6)


def test_lovasz_of_void_alone_is_zero() -> None:
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss = lovasz_softmax(logits, torch.full((1, 2, 2), VOID), sets_of(3))
    loss.backward()
    assert loss.item() == 0 and logits.grad is not None and not logits.grad.any()


def test_lovasz_is_zero_when_right_and_leaves_void_out() -> None:
    labels = torch.tensor([[[0, 1, VOID, 1]]])
    logits = torch.full((1, 3, 1, 4), -50.0)
    logits[0, 0, 0, 0] = logits[0, 1, 0, 1] = logits[0, 2, 0, 2] = logits[0, 1, 0, 3] = 50.0
    assert lovasz_softmax(logits, labels, sets_of(3)).item() == pytest.approx(0.0, abs=1e-6)


def test_entropy_is_torchs_where_classes_are_single() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 3, 4, 6, generator=generator)
    labels = torch.randint(0, 4, (2, 4, 6), generator=generator)
    labels[labels == 3] = VOID
    weights = torch.tensor([1.0, 2.5, 0.5])
    expected = nn.functional.cross_entropy(logits, labels, weight=weights, ignore_index=VOID)
    objective = Objective(Given(logits), sets_of(3), weights, (0.0,) * 3, (255.0,) * 3)
    entropy, weight, _, _ = objective(torch.zeros(2, 4, 6, 3, dtype=torch.uint8), labels.to(torch.uint8))
    torch.testing.assert_close(entropy / weight, expected)


def test_a_set_is_as_likely_as_its_classes_together() -> None:
    """Value 3 stands for class 0 or 2; its gradient leaves the two their proportion and lowers the third."""
    logits = torch.tensor([0.3, -1.0, 2.0]).view(1, 3, 1, 1).repeat(1, 1, 2, 2).requires_grad_()
    objective = Objective(Given(logits), sets_of(3, (0, 2)), torch.tensor([1.0, 9.0, 3.0]), (0.0,) * 3, (255.0,) * 3)
    entropy, weight, _, _ = objective(
        torch.zeros(1, 2, 2, 3, dtype=torch.uint8), torch.full((1, 2, 2), 3, dtype=torch.uint8)
    )
    p = logits.detach().softmax(1)[0, :, 0, 0]
    mean = entropy / weight
    assert mean.item() == pytest.approx(-float(torch.log(p[0] + p[2])), rel=1e-5)
    mean.backward()
    pull = logits.grad[0, :, 0, 0] * 4
    assert pull[1].item() == pytest.approx(float(p[1]), rel=1e-5)
    assert (pull[0] / pull[2]).item() == pytest.approx(float(p[0] / p[2]), rel=1e-5)


def test_a_sets_weight_is_the_mean_of_its_classes() -> None:
    logits = torch.zeros(1, 3, 2, 2)
    labels = torch.tensor([[[3, 3], [1, 1]]], dtype=torch.uint8)
    objective = Objective(Given(logits), sets_of(3, (0, 2)), torch.tensor([1.0, 9.0, 3.0]), (0.0,) * 3, (255.0,) * 3)
    entropy, weight, _, _ = objective(torch.zeros(1, 2, 2, 3, dtype=torch.uint8), labels)
    assert (entropy / weight).item() == pytest.approx((2 * np.log(3 / 2) + 9 * np.log(3)) / 11, rel=1e-6)


def test_lovasz_leaves_out_what_a_set_does_not_decide() -> None:
    """Value 3 (class 0 or 1) says nothing of 0 and 1, and 'not 2' of 2."""
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(1, 3, 1, 7, generator=generator)
    labels = torch.tensor([[[0, 1, 2, 2, 3, 3, VOID]]])
    found = lovasz_softmax(logits, labels, sets_of(3, (0, 1)))
    single = labels.clone()
    single[labels == 3] = VOID
    by_class = []
    for cls in range(3):
        kept = labels[0, 0] != VOID if cls == 2 else single[0, 0] != VOID
        member = (labels[0, 0][kept] == cls).long()
        two = logits.softmax(1)[0, cls, 0][kept]
        errors = (member - two).abs()
        levels = sorted({0.0, *errors.tolist()})
        by_class.append(sum(
            (high - low) * jaccard_loss(tuple(i for i, e in enumerate(errors.tolist()) if e >= high), member.tolist())
            for low, high in itertools.pairwise(levels)
        ))  # fmt: skip
    assert found.item() == pytest.approx(sum(by_class) / 3, abs=1e-6)
