"""The PyTorch engine: the plain network of nn/, which every other engine is measured against."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch

from enet_ros import nn
from enet_ros.arrays import U8
from enet_ros.engines.base import EngineBase, EngineInfo, EngineOptions, Inference
from enet_ros.errors import EngineError
from enet_ros.model_file import Model, load

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class PlainNetwork(torch.nn.Module):
    """Pixels (1, H, W, 3) uint8 RGB -> labels (H, W) uint8 and confidence (H, W) uint8, by the network as trained."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, model: Model, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        card = model.card
        self.network = nn.build(model).to(dtype=dtype)
        self.dtype, self.temperature, self.flip = dtype, card.temperature, card.channel_order == "bgr"
        self.register_buffer("mean", torch.tensor(card.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(card.std).view(1, 3, 1, 1))

    def logits(self, image: torch.Tensor) -> torch.Tensor:
        """(1, C, H, W) float32."""
        x = image.permute(0, 3, 1, 2).float()  # a view: channels-last memory, as the CPU likes it
        if self.flip:
            x = x.flip(1)
        x = ((x - self.mean) / self.std).to(self.dtype)
        logits: torch.Tensor = self.network(x).float()
        return logits

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Labels (H, W) uint8."""
        return self.logits(image)[0].argmax(0).to(torch.uint8)

    def with_confidence(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Labels and confidence (H, W) uint8."""
        logits = self.logits(image)[0]
        best, labels = logits.max(0)
        probability = 1 / ((logits - best) / self.temperature).exp().sum(0)
        return labels.to(torch.uint8), (255 * probability).round().to(torch.uint8)


class PyTorchEngine(EngineBase):
    """On CUDA where there is a GPU, else on the CPU in channels-last memory."""

    def __init__(self, path: Path | str, options: EngineOptions = EngineOptions()) -> None:
        """Raises ModelError on a bad model, EngineError on an .onnx file and on a device that is not there."""
        started = time.perf_counter()
        if Path(path).suffix == ".onnx":
            raise EngineError(f"the pytorch engine runs weights, not the graph {path}; give it the .safetensors file")
        self._device = _device(options.device)
        precision = _precision(options.precision, self._device)
        if options.threads:
            torch.set_num_threads(options.threads)
        model = load(path)
        size = options.size or model.card.input_size
        network = PlainNetwork(model, _DTYPES[precision])
        self._network = network.to(device=self._device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self._plain, self._confident = self._network.forward, self._network.with_confidence
        if options.compile:
            self._plain, self._confident = torch.compile(self._plain), torch.compile(self._confident)
        self._run(np.zeros((*size, 3), np.uint8), options.confidence)  # warm up: compiles, allocates
        name = torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else self._device.type
        load_ms = (time.perf_counter() - started) * 1e3
        runtime = f"PyTorch {torch.__version__}"
        super().__init__(EngineInfo("pytorch", runtime, name, precision, size, options.threads, load_ms))

    @torch.inference_mode()
    def _run(self, image: U8, confidence: bool) -> Inference:
        x = torch.from_numpy(image).to(self._device)[None]
        if not confidence:
            return Inference(self._plain(x).cpu().numpy(), None)
        labels, sure = self._confident(x)
        return Inference(labels.cpu().numpy(), sure.cpu().numpy())

    def _free(self) -> None:
        del self._network, self._plain, self._confident


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise EngineError(f"PyTorch cannot use device {wanted!r} here ({error}); use 'cpu'") from error
    return device


def _precision(wanted: str, device: torch.device) -> str:
    """Full precision on a CPU and half on a GPU, unless asked otherwise."""
    if wanted == "auto":
        return "fp16" if device.type == "cuda" else "fp32"
    if wanted not in _DTYPES:
        raise EngineError(f"the pytorch engine has no precision {wanted!r}; use one of {', '.join(_DTYPES)}")
    return wanted
