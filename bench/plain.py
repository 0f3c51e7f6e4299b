"""The graph a user would export without this package's rewriting: torch.onnx.export of the network as it was trained.

Max-unpooling has no counterpart in every runtime, so the usual stand-in takes its place, nearest up-sampling times the
mask of the maxima, written with plain torch operators. Everything else is nn.ENet as it is.
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


def plain_onnx(model: Model, size: tuple[int, int] | None = None) -> bytes:
    """Image (1, H, W, 3) uint8 RGB -> labels (H, W) uint8 as ONNX, opset 17, by torch's own exporter."""
    height, width = size or model.card.input_size
    plain = PlainNetwork(model).eval()
    for down in (plain.network.down1, plain.network.down2):
        down.forward = MethodType(_down, down)
    for up in (plain.network.up4, plain.network.up5):
        up.forward = MethodType(_up, up)
    image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            plain, (image,), out, input_names=["image"], output_names=["labels"], opset_version=17, dynamo=False
        )
    return out.getvalue()
