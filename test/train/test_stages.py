"""What a stage trains on and how: labels of the encoder, which weights decay, sizes of frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from enet_ros.nn import ENet
from enet_ros.spec import ENetSpec
from enet_ros.train.mix import fit_size, shrink_to
from enet_ros.train.recipe import DEFAULT, PAPER
from enet_ros.train.stages import optimizer, shrink_labels, stages


def test_the_encoder_learns_the_label_at_the_middle_of_each_cell() -> None:
    labels = torch.arange(16 * 24, dtype=torch.int32).view(1, 16, 24)
    small = shrink_labels(labels, 8)
    assert small.tolist() == [[[4 * 24 + 4, 4 * 24 + 12, 4 * 24 + 20], [12 * 24 + 4, 12 * 24 + 12, 12 * 24 + 20]]]
    assert shrink_labels(labels, 1) is labels


def test_stages_of_the_recipes() -> None:
    network = ENet(ENetSpec(3))
    assert [(stage.name, stage.shrink) for stage in stages(network, DEFAULT)] == [("full", 1)]
    assert [(stage.name, stage.shrink) for stage in stages(network, PAPER)] == [("encoder", 8), ("full", 1)]


def test_slopes_biases_and_norms_do_not_decay() -> None:
    network = ENet(ENetSpec(3))
    decayed, kept = optimizer(network, DEFAULT).param_groups
    assert (decayed["weight_decay"], kept["weight_decay"]) == (DEFAULT.weight_decay, 0.0)
    name_of = {id(parameter): name for name, parameter in network.named_parameters()}
    decayed_names, kept_names = ({name_of[id(p)] for p in group["params"]} for group in (decayed, kept))
    assert decayed_names | kept_names == set(name_of.values()) and not decayed_names & kept_names
    assert "initial.conv.weight" in decayed_names and "last.weight" in decayed_names and "last.bias" in kept_names
    assert {network.get_parameter(name).dim() for name in decayed_names} == {4}
    assert {network.get_parameter(name).dim() for name in kept_names} == {1}


def test_the_papers_adam_decays_everything() -> None:
    (group,) = optimizer(ENet(ENetSpec(3)), PAPER).param_groups
    assert group["weight_decay"] == PAPER.weight_decay and group["lr"] == PAPER.learning_rate


@pytest.mark.parametrize(("size", "fitted", "shrunk"), [((8, 8), (16, 24), (8, 8)), ((32, 12), (16, 24), (16, 12))])
def test_sizes(size: tuple[int, int], fitted: tuple[int, int], shrunk: tuple[int, int]) -> None:
    pair = np.zeros((*size, 3), np.uint8), np.arange(size[0] * size[1], dtype=np.uint8).reshape(size)
    for resize, expected in ((fit_size, fitted), (shrink_to, shrunk)):
        ((image, labels),) = resize([pair], (16, 24))
        assert image.shape == (*expected, 3) and labels.shape == expected
        assert set(np.unique(labels)) <= set(np.unique(pair[1]))  # never a class between two
