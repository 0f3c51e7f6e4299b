"""What the network makes of a whole image: the means and deviations of its deepest features."""

from __future__ import annotations

from pathlib import Path

import torch

from enet_ros.arrays import F32, U8
from enet_ros.engines.pytorch import PlainNetwork
from enet_ros.model_file import load


class Features:
    """The encoder of a model on the CPU."""

    def __init__(self, model: Path, threads: int = 0) -> None:
        """Raises ModelError on a bad model file."""
        if threads:
            torch.set_num_threads(threads)
        self._network = PlainNetwork(load(model)).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    @torch.inference_mode()
    def __call__(self, image: U8) -> F32:
        """(256,) float32 of an image (H, W, 3) uint8 RGB at the network's size: 128 means, 128 deviations, length 1."""
        encoded = self._network.encoded(torch.from_numpy(image)[None])[0].flatten(1)  # (128, H/8 * W/8)
        both = torch.cat((encoded.mean(1), encoded.std(1)))
        feature: F32 = (both / both.norm().clamp_min(1e-6)).numpy()
        return feature
