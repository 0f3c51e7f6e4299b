"""The peers that run on PyTorch, as users run published networks: eager, contiguous tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from enet_ros import nn
from enet_ros.benchmark.runner import Infer, UInt8
from enet_ros.benchmark.segnet import SegNet
from enet_ros.model_file import Model

RUNTIME = f"PyTorch {torch.__version__.partition('+')[0]}"


def enet(model: Model, threads: int) -> Infer:
    """nn.ENet itself: no layout is asked for, nothing is folded."""
    return _eager(nn.build(model), model, threads)


def segnet(model: Model, threads: int) -> Infer:
    """SegNet of random weights with the model's classes."""
    torch.manual_seed(0)
    return _eager(SegNet(model.card.classes.num_classes).eval(), model, threads)


def _eager(network: torch.nn.Module, model: Model, threads: int) -> Infer:
    torch.set_num_threads(threads)
    card = model.card
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (card.mean, card.std))

    @torch.inference_mode()
    def infer(image: UInt8) -> UInt8:
        x: Tensor = torch.from_numpy(image).permute(2, 0, 1)[None].contiguous().float()
        if card.channel_order == "bgr":
            x = x.flip(1)
        labels: UInt8 = network((x - mean) / std)[0].argmax(0).to(torch.uint8).numpy()
        return labels

    return infer
