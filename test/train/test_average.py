"""The moving average of weights: its start, its pace, and a checkpoint of it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from enet_ros.train.stages import Average


class Follower:
    """An average with the network that it follows, both at 0 to begin with."""

    def __init__(self, decay: float, value: float = 0.0) -> None:
        self.network = nn.BatchNorm1d(2)
        self._fill(value)
        self.average = Average(self.network, decay)

    def _fill(self, value: float) -> None:
        with torch.no_grad():
            self.network.weight.fill_(value)
            self.network.running_mean.fill_(10 * value)  # type: ignore[union-attr]

    def move(self, value: float) -> None:
        self._fill(value)
        self.average.update()


def test_it_follows_by_a_share_that_shrinks_to_one_minus_the_decay() -> None:
    follower = Follower(0.5)
    average = follower.average
    expected = 0.0
    for step, value in enumerate((1.0, -2.0, 4.0, 4.0, 4.0, 1.0, 0.0, 3.0, 9.0), 1):
        follower.move(value)
        share = 1 - min(0.5, (1 + step) / (10 + step))
        expected += share * (value - expected)
        assert average.state["weight"].tolist() == pytest.approx([expected] * 2)
        assert average.state["running_mean"].tolist() == pytest.approx([10 * expected] * 2)
    assert share == 0.5


def test_without_decay_it_is_the_latest() -> None:
    follower = Follower(0.0)
    follower.move(3.0)
    follower.move(7.0)
    assert follower.average.state["weight"].tolist() == [7.0, 7.0]


def test_it_goes_on_from_a_checkpoint_as_if_it_had_not_ended() -> None:
    whole = Follower(0.9)
    for value in (1.0, 2.0, 3.0):
        whole.move(value)
    resumed = Follower(0.9, 5.0)
    resumed.average.load({name: tensor.clone() for name, tensor in whole.average.state.items()}, whole.average.steps)
    for follower in (whole, resumed):
        follower.move(4.0)
    assert resumed.average.state["weight"].equal(whole.average.state["weight"])
