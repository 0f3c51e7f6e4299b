"""ENet (Paszke et al. 2016, arXiv 1606.02147) in one sitting: its blocks (section 3), then the whole network."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from enet_ros.spec import CONTEXT, STRIDE, ENetSpec


class Sum(nn.Module):
    """Add branch and skip, then activate: the end of every bottleneck."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, skip: Tensor, branch: Tensor) -> Tensor:
        out: Tensor = self.activation(skip + branch)
        return out


class CutEnd(nn.Module):
    """Drop the last row and column: a transposed convolution padded as TensorFlow pads it."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., :-1, :-1]


def activation(kind: str, channels: int, spec: ENetSpec, in_branch: bool = True) -> nn.Module:
    """A ReLU, or a PReLU with a slope for each channel or one for all.

    in_branch  False behind the initial block's concatenation and behind a bottleneck's sum
    """
    if kind == "relu":
        return nn.ReLU()
    single = spec.slopes == "shared" or (spec.slopes == "branch-shared" and in_branch)
    return nn.PReLU(1 if single else channels)


def doubling(cin: int, cout: int, kernel: int, spec: ENetSpec) -> list[nn.Module]:
    """A transposed convolution to exactly twice the size, by a kernel of 2 or 3."""
    if kernel == 2:
        return [nn.ConvTranspose2d(cin, cout, 2, 2, bias=spec.conv_bias)]
    if spec.strided_padding == "end":
        return [nn.ConvTranspose2d(cin, cout, 3, 2, bias=spec.conv_bias), CutEnd()]
    return [nn.ConvTranspose2d(cin, cout, 3, 2, 1, 1, bias=spec.conv_bias)]


def norm(channels: int, spec: ENetSpec) -> nn.BatchNorm2d:
    """Batch norm with the spec's epsilon."""
    return nn.BatchNorm2d(channels, eps=spec.bn_eps)


class Initial(nn.Module):
    """A strided 3x3 convolution and a max-pool of the image, concatenated: (N, 3, H, W) -> (N, 16, H/2, W/2)."""

    def __init__(self, spec: ENetSpec) -> None:
        super().__init__()
        self.pad_end = spec.strided_padding == "end"
        self.conv = nn.Conv2d(3, 13, 3, stride=2, padding=0 if self.pad_end else 1, bias=spec.conv_bias)
        self.pool = nn.MaxPool2d(spec.initial_pool, 2, padding=spec.initial_pool // 3)
        self.norm = norm(16, spec) if spec.initial_norm else nn.Identity()
        act = activation(spec.encoder_activation, 16, spec, False)
        self.act = act if spec.initial_norm else nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        padded = F.pad(image, (0, 1, 0, 1)) if self.pad_end else image
        both = torch.cat((self.conv(padded), self.pool(image)), 1)  # (N, 13 + 3, H/2, W/2)
        out: Tensor = self.act(self.norm(both))
        return out


def _main(inner: int, spec: ENetSpec, kind: str, dilation: int, asymmetric: bool) -> list[nn.Module]:
    """The middle convolution: 3x3 (dilated or not), or 5x1 and 1x5."""
    if not asymmetric:
        return [nn.Conv2d(inner, inner, 3, padding=dilation, dilation=dilation, bias=spec.conv_bias)]
    along = spec.asymmetric_padding == "along"
    sizes = ((1, 5), (5, 1)) if spec.asymmetric_order == "1x5,5x1" else ((5, 1), (1, 5))
    first, second = (
        nn.Conv2d(inner, inner, size, padding=(size[0] // 2, size[1] // 2) if along else 1, bias=bias)
        for size, bias in zip(sizes, (False, spec.conv_bias), strict=True)
    )
    between = [norm(inner, spec), activation(kind, inner, spec)] if spec.asymmetric_norm else []
    return [first, *between, second]


def _branch(
    project: nn.Conv2d, main: list[nn.Module], channels: int, kind: str, spec: ENetSpec, dropout: float, active: bool
) -> nn.Sequential:
    """Projection and main convolution with batch norm and activation, then the expansion to `channels` (figure 2b).

    The expansion ends with an activation where `active`, and with spatial dropout.
    """
    inner = project.out_channels
    layers: list[nn.Module] = [project, norm(inner, spec), activation(kind, inner, spec)]
    layers += [*main, norm(inner, spec), activation(kind, inner, spec)]
    layers += [nn.Conv2d(inner, channels, 1, bias=False), norm(channels, spec)]
    if active:
        layers.append(activation(kind, channels, spec))
    if dropout:
        layers.append(nn.Dropout2d(dropout))
    return nn.Sequential(*layers)


class Bottleneck(nn.Module):
    """Projection, main convolution, expansion beside an identity: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(
        self,
        channels: int,
        spec: ENetSpec,
        kind: str,
        out_kind: str,
        dropout: float,
        dilation: int = 1,
        asymmetric: bool = False,
        main: bool = True,
    ) -> None:
        super().__init__()
        inner = channels // 4
        project = nn.Conv2d(channels, inner, 1, bias=False)
        middle = _main(inner, spec, kind, dilation, asymmetric) if main else []
        self.branch = _branch(project, middle, channels, kind, spec, dropout, spec.expansion_activation)
        self.sum = Sum(activation(out_kind, channels, spec, False))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.sum(x, self.branch(x))
        return out


class Down(nn.Module):
    """Down-sampling bottleneck: (N, Cin, H, W) -> (N, Cout, H/2, W/2), and the pool's indices (N, Cin, H/2, W/2)."""

    def __init__(self, cin: int, cout: int, spec: ENetSpec, dropout: float) -> None:
        super().__init__()
        inner = (cout if spec.internal_from == "output" else cin) // 4
        kind = spec.encoder_activation
        self.pool_kernel = spec.down_pool
        self.skip: nn.Module = nn.ZeroPad3d((0, 0, 0, 0, 0, cout - cin))  # zero channels appended
        if spec.down_skip == "conv":
            self.skip = nn.Sequential(nn.Conv2d(cin, cout, 1, bias=False), norm(cout, spec))
        project = nn.Conv2d(cin, inner, 2, stride=2, bias=False)
        main = _main(inner, spec, kind, 1, False)
        self.branch = _branch(project, main, cout, kind, spec, dropout, spec.expansion_activation)
        self.sum = Sum(activation(kind, cout, spec, False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        pooled, indices = F.max_pool2d(x, self.pool_kernel, 2, self.pool_kernel // 3, return_indices=True)
        return self.sum(self.skip(pooled), self.branch(x)), indices


class Up(nn.Module):
    """Up-sampling bottleneck: (N, Cin, H, W) and indices (N, Cout, H, W) -> (N, Cout, 2H, 2W)."""

    def __init__(self, cin: int, cout: int, spec: ENetSpec, dropout: float) -> None:
        super().__init__()
        inner = (cout if spec.internal_from == "output" else cin) // 4
        kind = spec.decoder_activation
        self.nearest = spec.unpool == "nearest"
        self.skip = nn.Sequential(
            nn.Conv2d(cin, cout, 1, bias=False), norm(cout, spec) if spec.skip_norm else nn.Identity()
        )
        project = nn.Conv2d(cin, inner, 1, bias=False)
        main = doubling(inner, inner, spec.upsample_kernel, spec)
        self.branch = _branch(project, main, cout, kind, spec, dropout, spec.up_expansion_activation)
        self.sum = Sum(activation(spec.decoder_output_activation, cout, spec, False))

    def forward(self, x: Tensor, indices: Tensor) -> Tensor:
        skip = self.skip(x)
        skip = F.interpolate(skip, scale_factor=2.0) if self.nearest else F.max_unpool2d(skip, indices, [2, 2], [2, 2])
        out: Tensor = self.sum(skip, self.branch(x))
        return out


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
