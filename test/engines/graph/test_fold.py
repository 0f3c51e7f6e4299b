"""Folding: what is missing is named, and nothing is left to normalise."""

from __future__ import annotations

import pytest

from enet_ros.engines.graph.fold import fold
from enet_ros.errors import ModelError
from enet_ros.model_file import Model


def test_a_missing_tensor_is_named(model: Model) -> None:
    tensors = {name: array for name, array in model.tensors.items() if name != "stage2.3.branch.4.running_var"}
    with pytest.raises(ModelError, match=r"no tensor stage2\.3\.branch\.4\.running_var"):
        fold(model._replace(tensors=tensors))


def test_shapes(model: Model) -> None:
    net = fold(model)
    assert net.initial.conv.weight.shape == (16, 3, 3, 3)
    assert not net.initial.conv.weight[13:].any(), "the pool's channels have no convolution"
    assert [layer.conv.weight.shape for layer in net.stage23[2].branch] == [
        (32, 128, 1, 1), (32, 32, 1, 5), (32, 32, 5, 1), (128, 32, 1, 1),
    ]  # fmt: skip
    assert len(net.stage1) == 4 and len(net.stage23) == 16 and len(net.stage4) == 2 and len(net.stage5) == 1
    assert net.last.weight.shape == (4 * 11, 16, 1, 1)
