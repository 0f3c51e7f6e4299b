"""The peers that need torch: the network as published, a SegNet, and the graphs a user would export.

An exported graph is torch.onnx.export of the network as it was trained. Max-unpooling has no counterpart in every
runtime, so the usual stand-in takes its place, nearest up-sampling times the mask of the maxima, written with plain
torch operators. Everything else is nn.ENet as it is.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from enet_ros.arrays import U8
from enet_ros.engines.pytorch import PlainNetwork
from enet_ros.model_file import Model
from enet_ros.nn import build
from enet_ros.nn.blocks import Down, Up

RUNTIME = f"PyTorch {torch.__version__.partition('+')[0]}"


def enet(model: Model, threads: int) -> Callable[[U8], U8]:
    """nn.ENet itself: no layout is asked for, nothing is folded."""
    return _eager(build(model), model, threads)


def segnet(model: Model, threads: int) -> Callable[[U8], U8]:
    """SegNet of random weights with the model's classes."""
    torch.manual_seed(0)
    return _eager(SegNet(model.card.classes.num_classes).eval(), model, threads)


def _eager(network: nn.Module, model: Model, threads: int) -> Callable[[U8], U8]:
    torch.set_num_threads(threads)
    card = model.card
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (card.mean, card.std))

    @torch.inference_mode()
    def infer(image: U8) -> U8:
        x: Tensor = torch.from_numpy(image).permute(2, 0, 1)[None].contiguous().float()
        if card.channel_order == "bgr":
            x = x.flip(1)
        labels: U8 = network((x - mean) / std)[0].argmax(0).to(torch.uint8).numpy()
        return labels

    return infer


ENCODER = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of VGG-16's thirteen convolutions, by stage."""


class SegNet(nn.Module):
    """SegNet (Badrinarayanan et al. 2017, arXiv 1511.00561), for its size alone: ENet's paper compares itself with it.

    (N, 3, H, W) float32 -> logits (N, C, H, W): VGG-16's convolutions, and the same backwards with max-unpooling.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        channels = 3
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for stage in ENCODER:
            down.append(_stage(channels, stage))
            before, channels = channels, stage[-1]
            up.insert(0, _stage(channels, (*stage[:-1], num_classes if before == 3 else before), last=before == 3))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)

    def forward(self, x: Tensor) -> Tensor:
        """Logits at the image's size."""
        pooled = []
        for stage in self.down:
            x = stage(x)
            size = x.shape[-2:]
            x, where = F.max_pool2d(x, 2, 2, return_indices=True)
            pooled.append((where, size))
        for stage in self.up:
            where, size = pooled.pop()
            x = stage(F.max_unpool2d(x, where, [2, 2], [2, 2], output_size=list(size)))
        return x


def _stage(channels: int, stage: tuple[int, ...], last: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = []
    for out in stage:
        layers += [nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
        channels = out
    return nn.Sequential(*layers[:-2] if last else layers)


def _down(self: Down, x: Tensor) -> tuple[Tensor, Tensor]:
    pooled = F.max_pool2d(x, 2, 2)
    mask = (x == F.interpolate(pooled, scale_factor=2.0)).to(x.dtype)
    return self.sum(self.skip(pooled), self.branch(x)), mask


def _up(self: Up, x: Tensor, mask: Tensor) -> Tensor:
    out: Tensor = self.sum(F.interpolate(self.skip(x), scale_factor=2.0) * mask, self.branch(x))
    return out


def plain_onnx(model: Model, size: tuple[int, int]) -> bytes:
    """Image (1, H, W, 3) uint8 RGB -> labels (H, W) uint8 as ONNX, opset 17, by torch's own exporter."""
    image = torch.zeros(1, *size, 3, dtype=torch.uint8)
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
