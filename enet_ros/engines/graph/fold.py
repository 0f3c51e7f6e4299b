"""A model file's tensors as the convolutions that inference needs: batch norms, normalisation folded in; no torch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from enet_ros.arrays import F32, F64
from enet_ros.card import ModelCard
from enet_ros.engines.graph.phases import Conv, Layer, transposed
from enet_ros.errors import ModelError
from enet_ros.model_file import Model, Tensors
from enet_ros.spec import CONTEXT, ENetSpec


class Initial(NamedTuple):
    """The first block on 0..255 pixels in RGB order: slope(conv(pixels - mean) + pooled(max-pool of pixels)).

    mean    (3,) of the pixels, subtracted ahead of the convolution because its border is zero after the subtraction
    conv    3 -> 16 at stride 2; its last three outputs are zero
    pooled  1x1, 3 -> 16; its first thirteen outputs are zero
    """

    mean: F32
    conv: Conv
    pooled: Conv
    slope: F32 | None


class Block(NamedTuple):
    """A bottleneck: slope(skip + branch). `skip` is the 1x1 convolution of those that have one."""

    branch: tuple[Layer, ...]
    slope: F32
    skip: Conv | None = None


class Folded(NamedTuple):
    """The whole network. `up4`, `up5` and `last` write 2 x 2 phases from their transposed convolution on."""

    initial: Initial
    down1: Block
    stage1: tuple[Block, ...]
    down2: Block
    stage23: tuple[Block, ...]
    up4: Block
    stage4: tuple[Block, ...]
    up5: Block
    stage5: tuple[Block, ...]
    last: Conv


class _Reader:
    """Takes the modules of one torch Sequential in order, by their state-dict names."""

    def __init__(self, tensors: Tensors, spec: ENetSpec, prefix: str) -> None:
        self.tensors, self.spec, self.prefix = tensors, spec, prefix
        self.index = 0

    def tensor(self, name: str) -> F32:
        try:
            return self.tensors[f"{self.prefix}.{name}"]
        except KeyError:
            raise ModelError(f"the model has no tensor {self.prefix}.{name}, which its card's network needs") from None

    def bias(self, name: str, channels: int) -> F32:
        """A convolution's bias, zeros where it has none."""
        return self.tensors.get(f"{self.prefix}.{name}".rstrip(".") + ".bias", np.zeros(channels, np.float32))

    def norm(self, name: str) -> tuple[F64, F64]:
        """Batch norm as scale and shift, in double precision."""
        mean, variance = self.tensor(f"{name}.running_mean"), self.tensor(f"{name}.running_var")
        scale = self.tensor(f"{name}.weight") / np.sqrt(variance.astype(np.float64) + self.spec.bn_eps)
        return scale, self.tensor(f"{name}.bias") - mean * scale

    def slope(self, name: str, kind: str, channels: int) -> F32:
        """The slope of every channel: zeros for a ReLU."""
        if kind == "relu":
            return np.zeros(channels, np.float32)
        return np.ascontiguousarray(np.broadcast_to(self.tensor(f"{name}.weight"), channels), np.float32)

    def layer(
        self, padding: tuple[int, int], kind: str | None, *, stride: int = 1, dilation: int = 1, norm: bool = True
    ) -> Layer:
        """The next convolution with its batch norm (if `norm`) and activation (if `kind`)."""
        name = str(self.index)
        weight = self.tensor(f"{name}.weight")
        channels = weight.shape[0]
        conv = Conv(weight, self.bias(name, channels), (stride, stride), (*padding, *padding), dilation)
        return self._finish(conv, channels, kind, norm)

    def transposed(self, kind: str) -> Layer:
        """The next transposed convolution, in phases, with its batch norm and activation."""
        name = str(self.index)
        weight = self.tensor(f"{name}.weight")
        conv = transposed(weight, self.bias(name, weight.shape[1]), _padding(weight, self.spec))
        if weight.shape[2] == 3 and self.spec.strided_padding == "end":
            self.index += 1  # a module that cuts the last row and column off
        return self._finish(conv, weight.shape[1], kind, True)

    def norm_alone(self, kind: str) -> Layer:
        """A batch norm and activation without a convolution ahead, as a 1x1 one."""
        channels = self.tensor(f"{self.index}.weight").size
        self.index -= 1  # `_finish` takes the module behind a convolution
        identity = np.eye(channels, dtype=np.float32)[:, :, None, None]
        return self._finish(Conv(identity, np.zeros(channels, np.float32)), channels, kind, True)

    def _finish(self, conv: Conv, channels: int, kind: str | None, norm: bool) -> Layer:
        """Fold the norm behind a convolution into it and take the activation; `channels` may repeat in phases."""
        self.index += 1
        repeat = conv.bias.size // channels
        if norm:
            scale, shift = (np.tile(v, repeat) for v in self.norm(str(self.index)))
            conv = scaled(conv, scale, shift)
            self.index += 1
        if kind is None:
            return Layer(conv, None)
        slope = np.tile(self.slope(str(self.index), kind, channels), repeat)
        self.index += 1
        return Layer(conv, slope)


def _padding(weight: F32, spec: ENetSpec) -> int:
    """Padding of a transposed convolution that doubles the sides: a kernel of 3 is cut at both ends or at the end."""
    return 1 if weight.shape[2] == 3 and spec.strided_padding == "both" else 0


def scaled(conv: Conv, scale: F64, shift: F64) -> Conv:
    """scale * conv + shift, one number an output channel, in double precision until stored."""
    weight = conv.weight * scale[:, None, None, None]
    return conv._replace(weight=weight.astype(np.float32), bias=(conv.bias * scale + shift).astype(np.float32))


def _main(read: _Reader, kind: str, dilation: int, asymmetric: bool) -> list[Layer]:
    """The middle convolution of a bottleneck, or the two halves of an asymmetric one."""
    spec = read.spec
    if not asymmetric:
        return [read.layer((dilation, dilation), kind, dilation=dilation)]
    along = ((0, 2), (2, 0)) if spec.asymmetric_order == "1x5,5x1" else ((2, 0), (0, 2))
    one, two = along if spec.asymmetric_padding == "along" else ((1, 1), (1, 1))
    between = spec.asymmetric_norm
    return [read.layer(one, kind if between else None, norm=between), read.layer(two, kind)]


class _Builder(NamedTuple):
    """Folds the bottlenecks of one model."""

    tensors: Tensors
    spec: ENetSpec

    def read(self, prefix: str) -> _Reader:
        return _Reader(self.tensors, self.spec, prefix)

    def regular(self, name: str, decoder: bool, dilation: int = 1, asymmetric: bool = False) -> Block:
        spec = self.spec
        kind = spec.decoder_activation if decoder else spec.encoder_activation
        read = self.read(f"{name}.branch")
        layers = [read.layer((0, 0), kind)]
        if decoder and not spec.decoder_conv:
            layers.append(read.norm_alone(kind))
        else:
            layers += _main(read, kind, dilation, asymmetric)
        layers.append(read.layer((0, 0), kind if spec.expansion_activation else None))
        return self._block(name, layers, spec.decoder_output_activation if decoder else kind)

    def down(self, name: str) -> Block:
        kind = self.spec.encoder_activation
        read = self.read(f"{name}.branch")
        layers = [read.layer((0, 0), kind, stride=2), *_main(read, kind, 1, False)]
        layers.append(read.layer((0, 0), kind if self.spec.expansion_activation else None))
        block = self._block(name, layers, kind)
        if self.spec.down_skip == "conv":
            block = block._replace(skip=self.read(f"{name}.skip").layer((0, 0), None).conv)
        return block

    def up(self, name: str) -> Block:
        spec = self.spec
        kind = spec.decoder_activation
        read = self.read(f"{name}.branch")
        layers = [read.layer((0, 0), kind), read.transposed(kind)]
        layers.append(read.layer((0, 0), kind if spec.up_expansion_activation else None))
        skip = self.read(f"{name}.skip").layer((0, 0), None, norm=spec.skip_norm).conv
        return self._block(name, layers, spec.decoder_output_activation)._replace(skip=skip)

    def _block(self, name: str, layers: list[Layer], out_kind: str) -> Block:
        slope = self.read(f"{name}.sum").slope("activation", out_kind, layers[-1].conv.bias.size)
        return Block(tuple(layers), slope)


def _initial(tensors: Tensors, card: ModelCard) -> Initial:
    """The first block with channel order and 1/std folded in; the mean stays outside (zero padding comes after it)."""
    spec = card.spec
    read = _Reader(tensors, spec, "initial")
    pads = (1, 1, 1, 1) if spec.strided_padding == "both" else (0, 0, 1, 1)
    zero = np.zeros(16)
    scale, shift = read.norm("norm") if spec.initial_norm else (np.ones(16), zero)
    slope = read.slope("act", spec.encoder_activation, 16) if spec.initial_norm else None
    order = [2, 1, 0] if card.channel_order == "bgr" else [0, 1, 2]  # the graph's input is always RGB
    mean, std = np.array(card.mean)[order], np.array(card.std)[order]
    weight, pooled = np.zeros((16, 3, 3, 3), np.float32), np.zeros((16, 3, 1, 1), np.float32)
    weight[:13] = read.tensor("conv.weight")[:, order] / std[:, None, None]
    pooled[np.add(order, 13), (0, 1, 2), 0, 0] = 1 / std  # std > 0: scaling commutes with the maximum
    bias = np.append(read.bias("conv", 13), np.zeros(3, np.float32))
    beside = (-pooled[:, :, 0, 0] @ mean).astype(np.float32)
    conv = scaled(Conv(weight, bias, (2, 2), pads), scale, shift)
    return Initial(mean.astype(np.float32), conv, scaled(Conv(pooled, beside), scale, zero), slope)


def fold(model: Model) -> Folded:
    """Fold a model. Raises ModelError naming a tensor that is missing."""
    card, tensors = model
    spec = card.spec
    b = _Builder(tensors, spec)
    weight = b.read("last").tensor("weight")
    bias = b.read("last").bias("", spec.num_classes)
    return Folded(
        initial=_initial(tensors, card),
        down1=b.down("down1"),
        stage1=tuple(b.regular(f"stage1.{i}", False) for i in range(4)),
        down2=b.down("down2"),
        stage23=tuple(
            b.regular(f"stage{stage}.{i}", False, dilation, asymmetric)
            for stage in (2, 3)
            for i, (dilation, asymmetric) in enumerate(CONTEXT)
        ),
        up4=b.up("up4"),
        stage4=tuple(b.regular(f"stage4.{i}", True) for i in range(2)),
        up5=b.up("up5"),
        stage5=(b.regular("stage5.0", True),),
        last=transposed(weight, bias, _padding(weight, spec)),
    )
