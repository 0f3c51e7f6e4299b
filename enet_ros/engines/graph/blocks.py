"""ENet's bottlenecks as ONNX operators: what nn/enet.py is in torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from enet_ros.arrays import F32
from enet_ros.engines.graph import GraphOptions
from enet_ros.engines.graph.fold import Block
from enet_ros.engines.graph.onnx_writer import OnnxWriter
from enet_ros.engines.graph.phases import Conv, Layer, in_phases

_BELOW_ALL = -6e4  # float16 has it, too; stands for the pixels around the image, of which none is a maximum
_NOWHERE = -1.0
TWO = (2, 2)
ONE = (1, 1)


class Pooled(NamedTuple):
    """A max-pool's maxima and, for un-pooling, where the first ones are: places in the window in raster order."""

    maximum: str
    place: str


def tiled(slope: F32 | None) -> F32 | None:
    """The slope of every channel in 2 x 2 phases."""
    return None if slope is None else np.tile(slope, 4)


class Blocks:
    """Writes the bottlenecks of one network; tensors are (1, C, H, W) float."""

    def __init__(self, options: GraphOptions) -> None:
        self.w, self.options = OnnxWriter(), options

    def conv(self, x: str, conv: Conv) -> str:
        """One convolution."""
        return self.w.op(
            "Conv",
            x,
            self.w.constant(conv.weight),
            self.w.constant(conv.bias),
            kernel_shape=list(conv.weight.shape[2:]),
            strides=list(conv.stride),
            pads=list(conv.pads),
            dilations=[conv.dilation] * 2,
        )

    def activate(self, x: str, slope: F32 | None) -> str:
        """Per-channel PReLU; all-zero slopes are a ReLU, None is the identity."""
        w = self.w
        if slope is None:
            return x
        if not slope.any():
            return w.op("Relu", x)
        if self.options.prelu == "operator":
            return w.op("PRelu", x, w.constant(slope[:, None, None]))
        below = w.op("Mul", x, w.constant(slope[None, :, None, None]))
        return w.op("Add", w.op("Mul", w.op("Relu", x), w.constant(1 - slope[None, :, None, None])), below)

    def layer(self, x: str, layer: Layer) -> str:
        """A convolution and what follows it."""
        return self.activate(self.conv(x, layer.conv), layer.slope)

    def bottleneck(self, x: str, block: Block) -> str:
        """A bottleneck whose skip is the identity: (1, C, H, W) -> (1, C, H, W)."""
        y = x
        for layer in block.branch:
            y = self.layer(y, layer)
        return self.activate(self.w.op("Add", y, x), block.slope)

    def bottleneck_in_phases(self, x: str, block: Block) -> str:
        """Such a bottleneck on 2 x 2 phases: (1, 4 C, H/2, W/2) -> (1, 4 C, H/2, W/2)."""
        layers = tuple(Layer(in_phases(conv, TWO, TWO), tiled(slope)) for conv, slope in block.branch)
        return self.bottleneck(x, Block(layers, np.tile(block.slope, 4)))

    def down(self, x: str, block: Block, kernel: int) -> tuple[str, Pooled]:
        """Down-sampling, from 2 x 2 phases: (1, 4 Cin, H, W) -> (1, Cout, H, W), and the pool of its skip."""
        w = self.w
        first, *rest = block.branch
        cin, cout = first.conv.weight.shape[1], block.slope.size
        pooled = self.pool(w.split(x, 1, (cin,) * 4), kernel)
        y = self.layer(x, Layer(in_phases(first.conv, TWO, ONE), first.slope))
        for layer in rest:
            y = self.layer(y, layer)
        if block.skip:
            skip = self.conv(pooled.maximum, block.skip)
        else:
            skip = w.op("Pad", pooled.maximum, w.constant([0, 0, 0, 0, 0, cout - cin, 0, 0], np.int64))
        return self.activate(w.op("Add", y, skip), block.slope), pooled

    def pool(self, cells: Sequence[str], kernel: int) -> Pooled:
        """Max-pool of stride 2 over the four pixels of every cell or, with a kernel of 3, their 3 x 3 neighbourhood."""
        if kernel == 2:
            return self.first_maximum(cells)
        a, b, c, d = cells
        up, left, both = (-1, 0), (0, -1), (-1, -1)
        window = ((d, both), (c, up), (d, up), (b, left), (a, (0, 0)), (b, (0, 0)), (d, left), (c, (0, 0)), (d, (0, 0)))
        return self.first_maximum([self.shift(cell, by, _BELOW_ALL) for cell, by in window])

    def first_maximum(self, values: Sequence[str]) -> Pooled:
        """The largest of several tensors and the index of the first that is, as float: torch's and NumPy's tie rule."""
        w = self.w
        best, index = values[0], w.scalar(0)
        for i, value in enumerate(values[1:], 1):
            index = w.op("Where", w.op("Greater", value, best), w.scalar(i), index)
            best = w.op("Max", best, value)
        return Pooled(best, index)

    def shift(self, x: str, by: tuple[int, int], fill: float) -> str:
        """y[Y, X] = x[Y + by[0], X + by[1]], with steps of -1, 0 or 1, `fill` outside."""
        if by == (0, 0):
            return x
        w = self.w
        before, after = [max(0, -step) for step in by], [max(0, step) for step in by]
        y = w.op("Pad", x, w.constant([0, 0, *before, 0, 0, *after], np.int64), w.constant(fill))
        far = 1 << 30
        return w.slices(y, (2, 3), tuple(after), tuple(-b or far for b in before))

    def unpool(self, x: str, pooled: Pooled | None, kernel: int) -> list[str]:
        """The four pixels of every cell: the value where its maximum was, else zero; without a pool, the value.

        Windows of a 3 x 3 pool overlap: where two have their maximum in one pixel, the last in raster order counts,
        as in torch.nn.functional.max_unpool2d.
        """
        if pooled is None:
            return [x] * 4
        here, right, below, corner = (0, 0), (0, 1), (1, 0), (1, 1)
        places: tuple[tuple[tuple[tuple[int, int], int], ...], ...] = tuple(((here, k),) for k in range(4))
        if kernel == 3:
            places = (
                ((here, 4),),
                ((here, 5), (right, 3)),
                ((here, 7), (below, 1)),
                ((here, 8), (right, 6), (below, 2), (corner, 0)),
            )
        w = self.w
        pixels = []
        for claims in places:
            pixel = w.scalar(0)
            for by, k in claims:
                hit = w.op("Equal", self.shift(pooled.place, by, _NOWHERE), w.scalar(k))
                pixel = w.op("Where", hit, self.shift(x, by, 0.0), pixel)
            pixels.append(pixel)
        return pixels

    def up(self, x: str, block: Block, pooled: Pooled | None, kernel: int, phases: bool) -> str:
        """Up-sampling: (1, Cin, H, W) -> (1, 4 Cout, H, W) in phases, or (1, Cout, 2H, 2W)."""
        w = self.w
        first, doubling, expand = block.branch
        assert block.skip is not None  # `fold` gives every up-sampling bottleneck one
        skip = w.op("Concat", *self.unpool(self.conv(x, block.skip), pooled, kernel), axis=1)
        y = self.layer(self.layer(x, first), doubling)
        if phases:
            y = self.layer(y, Layer(in_phases(expand.conv, TWO, TWO), tiled(expand.slope)))
            return self.activate(w.op("Add", y, skip), tiled(block.slope))
        y = self.layer(self._interleave(y), expand)
        return self.activate(w.op("Add", y, self._interleave(skip)), block.slope)

    def _interleave(self, x: str) -> str:
        return self.w.op("DepthToSpace", x, blocksize=2, mode="DCR")
