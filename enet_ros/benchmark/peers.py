"""The peers: what users would pick instead of an engine, opened as its own documentation says.

An exported graph is torch.onnx.export of the network as it was trained. Max-unpooling has no counterpart in every
runtime, so the usual stand-in takes its place, nearest up-sampling times the mask of the maxima, written with plain
torch operators. Everything else is nn.ENet as it is.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from enet_ros.arrays import U8
from enet_ros.engines import create
from enet_ros.engines.pytorch import PlainNetwork
from enet_ros.errors import ConfigError
from enet_ros.model_file import Model, load
from enet_ros.nn import build
from enet_ros.nn.enet import Down, Up

Infer = Callable[[U8], U8]
"""(H, W, 3) uint8 RGB -> (H, W) uint8 labels."""

PYTORCH = f"PyTorch {torch.__version__.partition('+')[0]}"


def open_peer(
    name: str, path: Path, size: tuple[int, int], threads: int, opencv_model: Path | None = None
) -> tuple[str, Infer]:
    """A peer's library with its version, and the peer, ready to run on images of (height, width).

    Raises ConfigError where it cannot run, ImportError where its library is missing.
    """
    if name == "opencv4" and opencv_model is not None:
        return _opencv_file(opencv_model, threads)
    if path.suffix != ".safetensors":
        raise ConfigError(f"peers are made of a .safetensors file, not of {path.name}")
    if name == "pytorch_channels_last":
        engine = create("pytorch", path, size=size, precision="fp32", threads=threads, device="cpu")
        return PYTORCH, lambda image: engine.infer(image).labels
    model = load(path)
    if name == "pytorch_eager":
        return PYTORCH, _eager(build(model), model, threads)
    if name == "segnet":
        torch.manual_seed(0)
        return PYTORCH, _eager(SegNet(model.card.classes.num_classes).eval(), model, threads)
    plain = _without_unpooling(model)
    if name == "opencv4":
        return _opencv(model, _exported(plain.network, torch.zeros(1, 3, *size), "logits"), threads)
    data = _exported(plain, torch.zeros(1, *size, 3, dtype=torch.uint8), "labels")
    return {"openvino_plain": _openvino, "onnxruntime_plain": _onnxruntime}[name](data, threads)


def _openvino(data: bytes, threads: int) -> tuple[str, Infer]:
    import openvino as ov

    core = ov.Core()
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    request = core.compile_model(core.read_model(data), "CPU", config).create_infer_request()

    def infer(image: U8) -> U8:
        request.set_input_tensor(ov.Tensor(image[None], shared_memory=True))
        request.infer()
        return np.array(request.get_output_tensor(0).data, np.uint8)

    return f"OpenVINO {ov.__version__.partition('-')[0]}", infer


def _onnxruntime(data: bytes, threads: int) -> tuple[str, Infer]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return (
        f"ONNX Runtime {ort.__version__}",
        lambda image: np.asarray(session.run(None, {"image": image[None]})[0], np.uint8),
    )


def _opencv(model: Model, data: bytes, threads: int) -> tuple[str, Infer]:
    import cv2

    card = model.card
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    prepare = cv2.dnn.Image2BlobParams()
    prepare.scalefactor = tuple(1 / value for value in card.std)
    prepare.mean = card.mean
    prepare.swapRB = card.channel_order == "bgr"
    infer = _forward(net, lambda image: cv2.dnn.blobFromImageWithParams(image, prepare), threads)
    return f"OpenCV {cv2.__version__}", infer


def _opencv_file(path: Path, threads: int) -> tuple[str, Infer]:
    """A Torch7 or ONNX file of another project, on pixels / 255."""
    import cv2

    if path.suffix not in (".net", ".t7", ".onnx"):
        raise ConfigError(f"--opencv-model {path}: give a Torch7 file (.net, .t7) or an .onnx file")
    try:
        net = cv2.dnn.readNetFromONNX(str(path)) if path.suffix == ".onnx" else cv2.dnn.readNetFromTorch(str(path))
    except (cv2.error, AttributeError) as error:  # OpenCV 5 reads no Torch7 files
        raise ConfigError(f"OpenCV {cv2.__version__} cannot read {path}: {error}") from error
    infer = _forward(net, lambda image: cv2.dnn.blobFromImage(image, 1 / 255), threads)
    return f"OpenCV {cv2.__version__}, {path.name}", infer


def _forward(net: Any, prepare: Callable[[U8], object], threads: int) -> Infer:
    import cv2

    cv2.setNumThreads(threads)

    def infer(image: U8) -> U8:
        net.setInput(prepare(image))
        return np.asarray(net.forward()[0].argmax(0), np.uint8)

    return infer


def _eager(network: nn.Module, model: Model, threads: int) -> Infer:
    """A network in PyTorch as it is: no memory layout is asked for, nothing is folded."""
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


def _without_unpooling(model: Model) -> PlainNetwork:
    """Image (1, H, W, 3) uint8 RGB -> labels (H, W) uint8, with the stand-in for max-unpooling."""
    plain = PlainNetwork(model).eval()
    for down in (plain.network.down1, plain.network.down2):
        vars(down)["forward"] = MethodType(_down, down)
    for up in (plain.network.up4, plain.network.up5):
        vars(up)["forward"] = MethodType(_up, up)
    return plain


def _exported(module: nn.Module, image: Tensor, output: str) -> bytes:
    """ONNX, opset 17, by torch's own exporter."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export: Any = torch.onnx.export  # its types know no file in memory
        export(module, (image,), out, input_names=["image"], output_names=[output], opset_version=17, dynamo=False)
    return out.getvalue()
