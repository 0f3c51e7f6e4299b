"""The blocks of ENet (paper section 3, figure 2), each built from an ENetSpec."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from enet_ros.spec import ENetSpec


class Sum(nn.Module):
    """Add branch and skip, then activate: the end of every bottleneck."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, skip: Tensor, branch: Tensor) -> Tensor:
        out: Tensor = self.activation(skip + branch)
        return out


def activation(kind: str, channels: int, spec: ENetSpec) -> nn.Module:
    """A PReLU with one slope a channel (or one in all), or a ReLU."""
    if kind == "relu":
        return nn.ReLU()
    return nn.PReLU(channels if spec.slopes == "channel" else 1)


def norm(channels: int, spec: ENetSpec) -> nn.BatchNorm2d:
    """Batch norm with the spec's epsilon."""
    return nn.BatchNorm2d(channels, eps=spec.bn_eps)


class Initial(nn.Module):
    """A strided 3x3 convolution beside a max-pool of the image, concatenated: (N, 3, H, W) -> (N, 16, H/2, W/2)."""

    def __init__(self, spec: ENetSpec) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 13, 3, stride=2, padding=1, bias=spec.conv_bias)
        self.pool = nn.MaxPool2d(spec.initial_pool, stride=2, padding=spec.initial_pool // 2 if spec.initial_pool == 3 else 0)
        self.norm = norm(16, spec) if spec.initial_norm else nn.Identity()
        self.act = activation(spec.encoder_activation, 16, spec) if spec.initial_norm else nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        both = torch.cat((self.conv(image), self.pool(image)), 1)  # (N, 13 + 3, H/2, W/2)
        out: Tensor = self.act(self.norm(both))
        return out


def _expansion(inner: int, channels: int, kind: str, spec: ENetSpec, dropout: float) -> list[nn.Module]:
    """1x1 back to full width, batch norm, perhaps an activation, spatial dropout."""
    layers: list[nn.Module] = [nn.Conv2d(inner, channels, 1, bias=False), norm(channels, spec)]
    if spec.expansion_activation:
        layers.append(activation(kind, channels, spec))
    if dropout:
        layers.append(nn.Dropout2d(dropout))
    return layers


def _main(inner: int, spec: ENetSpec, kind: str, dilation: int, asymmetric: bool) -> list[nn.Module]:
    """The middle convolution: 3x3 (dilated or not), or 5x1 and 1x5."""
    if not asymmetric:
        return [nn.Conv2d(inner, inner, 3, padding=dilation, dilation=dilation, bias=spec.conv_bias)]
    sizes = ((1, 5), (5, 1)) if spec.asymmetric_order == "1x5,5x1" else ((5, 1), (1, 5))
    first, second = (
        nn.Conv2d(inner, inner, size, padding=(size[0] // 2, size[1] // 2), bias=bias)
        for size, bias in zip(sizes, (False, spec.conv_bias), strict=True)
    )
    between = [norm(inner, spec), activation(kind, inner, spec)] if spec.asymmetric_norm else []
    return [first, *between, second]


class Bottleneck(nn.Module):
    """Projection, main convolution, expansion beside an identity: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(
        self, channels: int, spec: ENetSpec, kind: str, out_kind: str, dropout: float, dilation: int = 1, asymmetric: bool = False
    ) -> None:
        super().__init__()
        inner = channels // 4
        self.branch = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False),
            norm(inner, spec),
            activation(kind, inner, spec),
            *_main(inner, spec, kind, dilation, asymmetric),
            norm(inner, spec),
            activation(kind, inner, spec),
            *_expansion(inner, channels, kind, spec, dropout),
        )
        self.sum = Sum(activation(out_kind, channels, spec))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.sum(x, self.branch(x))
        return out


class Down(nn.Module):
    """Down-sampling bottleneck: (N, Cin, H, W) -> (N, Cout, H/2, W/2) and the pool's indices (N, Cin, H/2, W/2)."""

    def __init__(self, cin: int, cout: int, spec: ENetSpec, dropout: float) -> None:
        super().__init__()
        inner = (cout if spec.internal_from == "output" else cin) // 4
        kind = spec.encoder_activation
        self.extra = cout - cin
        self.branch = nn.Sequential(
            nn.Conv2d(cin, inner, 2, stride=2, bias=False),
            norm(inner, spec),
            activation(kind, inner, spec),
            *_main(inner, spec, kind, 1, False),
            norm(inner, spec),
            activation(kind, inner, spec),
            *_expansion(inner, cout, kind, spec, dropout),
        )
        self.sum = Sum(activation(kind, cout, spec))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        pooled, indices = F.max_pool2d(x, 2, 2, return_indices=True)
        skip = F.pad(pooled, (0, 0, 0, 0, 0, self.extra))  # zero channels appended
        return self.sum(skip, self.branch(x)), indices


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
        padding = 1 if spec.upsample_kernel == 3 else 0
        self.branch = nn.Sequential(
            nn.Conv2d(cin, inner, 1, bias=False),
            norm(inner, spec),
            activation(kind, inner, spec),
            nn.ConvTranspose2d(inner, inner, spec.upsample_kernel, 2, padding, padding, bias=spec.conv_bias),
            norm(inner, spec),
            activation(kind, inner, spec),
            *_expansion(inner, cout, kind, spec, dropout),
        )
        self.sum = Sum(activation(spec.decoder_output_activation, cout, spec))

    def forward(self, x: Tensor, indices: Tensor) -> Tensor:
        skip = self.skip(x)
        skip = F.interpolate(skip, scale_factor=2.0) if self.nearest else F.max_unpool2d(skip, indices, 2, 2)
        out: Tensor = self.sum(skip, self.branch(x))
        return out
