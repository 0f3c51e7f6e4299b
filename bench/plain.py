"""The graph a user would export without this package's rewriting: torch.onnx.export of the network as it was trained.

torch's exporter turns max-unpooling into ScatterND, which runtimes run on one core. `by_hand` is the best a user could
do short of rewriting the network: nearest up-sampling times the mask of the maxima, in plain torch operators. It gives
a cell's value to all of its maxima where there are several, and so not quite the same labels.
"""

from __future__ import annotations

import io
import warnings
from types import MethodType

import torch
import torch.nn.functional as F
from torch import Tensor

from enet_ros.engines.pytorch import PlainNetwork
from enet_ros.model_file import Model
from enet_ros.nn.blocks import Down, Up


def _down(self: Down, x: Tensor) -> tuple[Tensor, Tensor]:
    pooled = F.max_pool2d(x, 2, 2)
    mask = (x == F.interpolate(pooled, scale_factor=2.0)).to(x.dtype)
    return self.sum(self.skip(pooled), self.branch(x)), mask


def _up(self: Up, x: Tensor, mask: Tensor) -> Tensor:
    out: Tensor = self.sum(F.interpolate(self.skip(x), scale_factor=2.0) * mask, self.branch(x))
    return out


def plain_onnx(model: Model, size: tuple[int, int] | None = None, *, by_hand: bool = False) -> bytes:
    """Image (1, H, W, 3) uint8 RGB -> labels (H, W) uint8 as ONNX, by torch's own exporters.

    As it is, by the default exporter (needs onnxscript); by hand, by the older one, which needs nothing.
    """
    height, width = size or model.card.input_size
    plain = PlainNetwork(model).eval()
    image = (torch.zeros(1, height, width, 3, dtype=torch.uint8),)
    names = {"input_names": ["image"], "output_names": ["labels"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not by_hand:
            program = torch.onnx.export(plain, image, opset_version=18, dynamo=True, verbose=False, **names)
            assert program is not None
            return program.model_proto.SerializeToString()
        for down in (plain.network.down1, plain.network.down2):
            down.forward = MethodType(_down, down)  # type: ignore[method-assign]
        for up in (plain.network.up4, plain.network.up5):
            up.forward = MethodType(_up, up)  # type: ignore[method-assign]
        out = io.BytesIO()
        torch.onnx.export(plain, image, out, opset_version=17, dynamo=False, **names)
        return out.getvalue()
