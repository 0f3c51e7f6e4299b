"""The graph a user would export without this package's rewriting: torch.onnx.export of the network as it was trained.

torch's exporter turns max-unpooling into ScatterND, which runtimes run on one core. `by_hand` is the best a user could
do short of rewriting the network (`enet_ros.benchmark.plain`).
"""

from __future__ import annotations

import warnings

import torch

from enet_ros.benchmark.plain import plain_onnx as exported_by_hand
from enet_ros.engines.pytorch import PlainNetwork
from enet_ros.model_file import Model


def plain_onnx(model: Model, size: tuple[int, int] | None = None, *, by_hand: bool = False) -> bytes:
    """Image (1, H, W, 3) uint8 RGB -> labels (H, W) uint8 as ONNX, by torch's own exporters.

    As it is, by the default exporter (needs onnxscript); by hand, by the older one, which needs nothing.
    """
    if by_hand:
        return exported_by_hand(model, size)
    height, width = size or model.card.input_size
    image = (torch.zeros(1, height, width, 3, dtype=torch.uint8),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            PlainNetwork(model).eval(),
            image,
            input_names=["image"],
            output_names=["labels"],
            opset_version=18,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return program.model_proto.SerializeToString()
