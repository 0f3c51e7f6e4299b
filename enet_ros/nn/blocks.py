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


class CutEnd(nn.Module):
    """Drop the last row and column: a transposed convolution padded as TensorFlow pads it."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., :-1, :-1]


def activation(kind: str, channels: int, spec: ENetSpec, in_branch: bool = True) -> nn.Module:
    """A PReLU with one slope per channel or one for all, or a ReLU; `in_branch` is False behind concatenation, sum."""
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


def _expansion(inner: int, channels: int, kind: str, spec: ENetSpec, dropout: float, active: bool) -> list[nn.Module]:
    """1x1 back to full width, batch norm, an activation where `active`, spatial dropout."""
    layers: list[nn.Module] = [nn.Conv2d(inner, channels, 1, bias=False), norm(channels, spec)]
    if active:
        layers.append(activation(kind, channels, spec))
    if dropout:
        layers.append(nn.Dropout2d(dropout))
    return layers


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
    project: nn.Module, main: list[nn.Module], expansion: list[nn.Module], inner: int, kind: str, spec: ENetSpec
) -> nn.Sequential:
    """Projection and main convolution, each with batch norm and activation, then the expansion (figure 2b)."""
    return nn.Sequential(
        project,
        norm(inner, spec),
        activation(kind, inner, spec),
        *main,
        norm(inner, spec),
        activation(kind, inner, spec),
        *expansion,
    )


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
        self.branch = _branch(
            nn.Conv2d(channels, inner, 1, bias=False),
            _main(inner, spec, kind, dilation, asymmetric) if main else [],
            _expansion(inner, channels, kind, spec, dropout, spec.expansion_activation),
            inner,
            kind,
            spec,
        )
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
        self.branch = _branch(
            nn.Conv2d(cin, inner, 2, stride=2, bias=False),
            _main(inner, spec, kind, 1, False),
            _expansion(inner, cout, kind, spec, dropout, spec.expansion_activation),
            inner,
            kind,
            spec,
        )
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
        self.branch = _branch(
            nn.Conv2d(cin, inner, 1, bias=False),
            doubling(inner, inner, spec.upsample_kernel, spec),
            _expansion(inner, cout, kind, spec, dropout, spec.up_expansion_activation),
            inner,
            kind,
            spec,
        )
        self.sum = Sum(activation(spec.decoder_output_activation, cout, spec, False))

    def forward(self, x: Tensor, indices: Tensor) -> Tensor:
        skip = self.skip(x)
        skip = F.interpolate(skip, scale_factor=2.0) if self.nearest else F.max_unpool2d(skip, indices, [2, 2], [2, 2])
        out: Tensor = self.sum(skip, self.branch(x))
        return out
