"""The graphs a user would export without this package's rewriting: torch.onnx.export of the network as it was trained.

Max-unpooling has no counterpart in every runtime, so the usual stand-in takes its place, nearest up-sampling times the
mask of the maxima, written with plain torch operators. Everything else is nn.ENet as it is.
"""

from __future__ import annotations

import io
import warnings
from types import MethodType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
    image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    return _exported(_without_unpooling(model), image, "labels")


def network_onnx(model: Model, size: tuple[int, int]) -> bytes:
    """The network alone: normalised image (1, 3, H, W) float32 -> logits (1, C, H, W) float32."""
    return _exported(_without_unpooling(model).network, torch.zeros(1, 3, *size), "logits")


def _without_unpooling(model: Model) -> PlainNetwork:
    plain = PlainNetwork(model).eval()
    for down in (plain.network.down1, plain.network.down2):
        vars(down)["forward"] = MethodType(_down, down)
    for up in (plain.network.up4, plain.network.up5):
        vars(up)["forward"] = MethodType(_up, up)
    return plain


def _exported(module: nn.Module, image: Tensor, output: str) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export: Any = torch.onnx.export  # its types know no file in memory
        export(module, (image,), out, input_names=["image"], output_names=[output], opset_version=17, dynamo=False)
    return out.getvalue()
