"""ENet (Paszke et al. 2016, arXiv 1606.02147): the whole network in one sitting."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from enet_ros.nn.blocks import Bottleneck, Down, Initial, Up, doubling
from enet_ros.spec import CONTEXT, STRIDE, ENetSpec


class Dropout(NamedTuple):
    """Probabilities of spatial dropout, which exists in training only: stage 1, stages 2-3, stages 4-5."""

    stage1: float = 0.01
    stage23: float = 0.1
    decoder: float = 0.0


class ENet(nn.Module):
    """Images to logits: (N, 3, H, W) float, normalised as the card says -> (N, num_classes, H, W) float.

    H and W may be any positive numbers: sides that are not multiples of 8 are extended to the next multiple by
    repeating the last row and column, and the logits are cropped back.
    """

    def __init__(self, spec: ENetSpec, dropout: Dropout = Dropout()) -> None:  # noqa: B008 (an immutable value)
        super().__init__()
        self.spec = spec
        kinds = (spec.encoder_activation, spec.encoder_activation)
        self.initial = Initial(spec)
        self.down1 = Down(16, 64, spec, dropout.stage1)
        self.stage1 = nn.Sequential(*(Bottleneck(64, spec, *kinds, dropout.stage1) for _ in range(4)))
        self.down2 = Down(64, 128, spec, dropout.stage23)
        self.stage2 = nn.Sequential(*(Bottleneck(128, spec, *kinds, dropout.stage23, d, a) for d, a in CONTEXT))
        self.stage3 = nn.Sequential(*(Bottleneck(128, spec, *kinds, dropout.stage23, d, a) for d, a in CONTEXT))
        kinds = (spec.decoder_activation, spec.decoder_output_activation)
        self.up4 = Up(128, 64, spec, dropout.decoder)
        self.stage4 = nn.Sequential(
            *(Bottleneck(64, spec, *kinds, dropout.decoder, main=spec.decoder_conv) for _ in range(2))
        )
        self.up5 = Up(64, 16, spec, dropout.decoder)
        self.stage5 = nn.Sequential(Bottleneck(16, spec, *kinds, dropout.decoder, main=spec.decoder_conv))
        self.last = doubling(16, spec.num_classes, spec.last_kernel, spec)[0]  # `forward` crops what is too much

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        image = F.pad(image, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        features, indices1, indices2 = self.encode(image)
        x = self.stage4(self.up4(features, indices2))  # (N, 64, H/4, W/4)
        x = self.stage5(self.up5(x, indices1))  # (N, 16, H/2, W/2)
        logits: Tensor = self.last(x)
        return logits[..., :height, :width]

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Stages 1-3: features (N, 128, H/8, W/8) and the indices of the two pools."""
        x = self.initial(image)  # (N, 16, H/2, W/2)
        x, indices1 = self.down1(x)
        x = self.stage1(x)  # (N, 64, H/4, W/4)
        x, indices2 = self.down2(x)
        return self.stage3(self.stage2(x)), indices1, indices2
