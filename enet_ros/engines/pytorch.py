"""The PyTorch engine: the plain network of nn/, which every other engine is measured against."""

from __future__ import annotations

from pathlib import Path

import torch

from enet_ros import nn
from enet_ros.arrays import U8
from enet_ros.engines.base import Engine, EngineInfo, EngineOptions, Inference, chosen_precision
from enet_ros.errors import EngineError
from enet_ros.model_file import Model, load

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class PlainNetwork(torch.nn.Module):
    """The network as trained, between bytes: (1, H, W, 3) uint8 RGB -> labels and confidence (H, W) uint8."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, model: Model, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        card = model.card
        self.network = nn.build(model).to(dtype=dtype)
        self.dtype, self.temperature, self.flip = dtype, card.temperature, card.channel_order == "bgr"
        self.register_buffer("mean", torch.tensor(card.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(card.std).view(1, 3, 1, 1))

    def _normalised(self, image: torch.Tensor) -> torch.Tensor:
        """The network's input, (1, 3, H, W)."""
        x = image.permute(0, 3, 1, 2).float()  # a view: channels-last memory, as the CPU likes it
        if self.flip:
            x = x.flip(1)
        return ((x - self.mean) / self.std).to(self.dtype)

    def logits(self, image: torch.Tensor) -> torch.Tensor:
        """(1, C, H, W) float32."""
        logits: torch.Tensor = self.network(self._normalised(image)).float()
        return logits

    def encoded(self, image: torch.Tensor) -> torch.Tensor:
        """(1, 128, H/8, W/8) float32: what the encoder makes of an image whose sides are multiples of 8."""
        return self.network.encode(self._normalised(image))[0].float()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Labels (H, W) uint8."""
        return self.logits(image)[0].argmax(0).to(torch.uint8)

    def with_confidence(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Labels and confidence (H, W) uint8."""
        logits = self.logits(image)[0]
        best, labels = logits.max(0)
        probability = 1 / ((logits - best) / self.temperature).exp().sum(0)
        return labels.to(torch.uint8), (255 * probability).round().to(torch.uint8)


class PyTorchEngine(Engine):
    """On CUDA where there is a GPU, else on the CPU in channels-last memory."""

    def __init__(self, path: Path | str, options: EngineOptions = EngineOptions()) -> None:
        """Raises ModelError on a bad model, EngineError on an .onnx file and on a device that is not there."""
        if Path(path).suffix == ".onnx":
            raise EngineError(f"the pytorch engine runs weights, not the graph {path}; give it the .safetensors file")
        self._device = _device(options.device)
        able = ("fp16", "fp32", "bf16") if self._device.type == "cuda" else ("fp32", "bf16", "fp16")
        precision = chosen_precision(options.precision, able, "the pytorch engine")
        if options.threads:
            torch.set_num_threads(options.threads)
        model = load(path)
        network = PlainNetwork(model, _DTYPES[precision])
        self._network = network.to(device=self._device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        name = torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else self._device.type
        size = options.size or model.card.input_size
        super().__init__(EngineInfo("pytorch", f"PyTorch {torch.__version__}", name, precision, size, options.threads))

    @torch.inference_mode()
    def _run(self, image: U8, confidence: bool) -> Inference:
        x = torch.from_numpy(image).to(self._device)[None]
        if not confidence:
            return Inference(self._network(x).cpu().numpy(), None)
        labels, sure = self._network.with_confidence(x)
        return Inference(labels.cpu().numpy(), sure.cpu().numpy())

    def _free(self) -> None:
        del self._network


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise EngineError(f"PyTorch cannot use device {wanted!r} here ({error}); use 'cpu'") from error
    return device
