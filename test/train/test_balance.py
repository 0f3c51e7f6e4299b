"""Balance moves the line between classes to where the IoU wants it, and never makes it worse."""

from __future__ import annotations

import numpy as np
import torch

from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID
from enet_ros.metrics import ConfusionMatrix
from enet_ros.nn import ENet
from enet_ros.spec import ENetSpec
from enet_ros.train.evaluation import balance, best_offsets, handicap, logits_of


def miou(logits: np.ndarray, truth: np.ndarray) -> float:
    matrix = ConfusionMatrix(logits.shape[1])
    matrix.add(truth[None], logits.argmax(1).astype(np.uint8)[None])
    return matrix.miou()


def test_a_class_that_wins_too_often_is_held_back() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random(20000) < 0.1).astype(np.uint8)
    evidence = rng.normal(2.0 * truth, 1.0).astype(np.float32)
    logits = np.stack((np.zeros_like(evidence), evidence + 1.0), 1)  # class 1 is offered far too much
    offsets = best_offsets(logits, truth)
    assert offsets.dtype == np.float32 and abs(offsets.sum()) < 1e-6
    # What is best: of all lines between the two, the one of the greatest mIoU.
    lines = {line: miou(logits + np.float32([0, -line]), truth) for line in np.arange(0, 4, 0.125)}
    assert max(lines.values()) - miou(logits + offsets, truth) < 0.002
    assert miou(logits + offsets, truth) > lines[0.0] + 0.05


def test_what_is_best_stays_as_it_is() -> None:
    truth = np.arange(33, dtype=np.uint8) % 11
    np.testing.assert_array_equal(best_offsets(10 * np.eye(11, dtype=np.float32)[truth], truth), np.zeros(11))


def test_the_offsets_are_in_the_networks_last_layer() -> None:
    torch.manual_seed(0)
    network = ENet(ENetSpec(11)).eval()
    card = ModelCard("toy", network.spec, CAMVID, (32, 48))
    rng = np.random.default_rng(1)
    pair = (rng.integers(0, 255, (32, 48, 3), np.uint8), np.full((32, 48), 3, np.uint8))
    before = logits_of(network, card, pair[0])
    offsets = balance(network, card, [pair])
    assert offsets[3] == offsets.max() > 0
    after = logits_of(network, card, pair[0])
    torch.testing.assert_close(
        after - before, torch.from_numpy(offsets)[:, None, None].expand_as(before), atol=1e-5, rtol=0
    )


def test_a_handicap_is_of_drivable_classes_alone() -> None:
    torch.manual_seed(0)
    network, image = ENet(ENetSpec(11)).eval(), np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    card = ModelCard("toy", ENetSpec(11), CAMVID, (32, 48))
    before = logits_of(network, card, image)
    handicap(network, card, 0.7)
    change = before - logits_of(network, card, image)
    expected = torch.zeros_like(change)
    expected[CAMVID.index("road")] = 0.7
    torch.testing.assert_close(change, expected, atol=1e-5, rtol=0)
