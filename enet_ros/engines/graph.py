"""The inference graph: a uint8 image in, uint8 labels out, everything between in one ONNX graph made for fusion.

The network of nn/enet.py rewritten, never retrained. From the folded arrays of fold.py:

- the first block and stages 5 and `last` work in 2 x 2 phases at a quarter of the image's sides (phases.py), so the first
  pool is a maximum of four channel groups and the last un-pooling never leaves the channel axis;
- un-pooling is a multiplication with masks. `Masks` holds them: the training network gives the value to the FIRST maximum
  in raster order, and so do they, also where pixels of a cell are equal;
- the arg-max is a chain of comparisons, in which the first of equal classes wins, as in torch and NumPy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import onnx

from enet_ros.card import ModelCard
from enet_ros.engines.fold import Block, Folded, Initial, fold
from enet_ros.engines.onnx_writer import OnnxWriter, TensorProto
from enet_ros.engines.phases import Array, Conv, Layer, in_phases
from enet_ros.errors import ConfigError
from enet_ros.model_file import CARD_KEY, Model

STRIDE = 8
"""Inside the graph, sides are extended to the next multiple by repeating the last row and column."""


class GraphOptions(NamedTuple):
    """What a runtime may choose in the graph; none of it changes a label.

    confidence  a second output, `confidence`
    prelu       "prelu": the operator; "relu": relu(x) - a * relu(-x); "max": max(x, a x) where the slopes allow it
    """

    confidence: bool = False
    prelu: str = "prelu"
    unpool4: str = "d2s"
    last: str = "wide"
    initial: str = "phases"


class Masks(NamedTuple):
    """Which pixel of a 2 x 2 cell holds the first maximum: 1.0 or 0.0 each.

    top: in the upper row; upper_left, lower_left: the left one is the first maximum of its row.
    """

    top: str
    upper_left: str
    lower_left: str


class _Network:
    """Writes the blocks of one folded network."""

    def __init__(self, writer: OnnxWriter, options: GraphOptions) -> None:
        self.w, self.options = writer, options

    def conv(self, x: str, conv: Conv, group: int = 1) -> str:
        w = self.w
        kernel = list(conv.weight.shape[2:])
        return w.op(
            "Conv", x, w.constant(conv.weight), w.constant(conv.bias), kernel_shape=kernel, group=group,
            strides=[conv.stride] * 2, pads=list(conv.pads), dilations=[conv.dilation] * 2,
        )  # fmt: skip

    def activate(self, x: str, slope: Array | None) -> str:
        """PReLU with a slope a channel."""
        w = self.w
        if slope is None:
            return x
        if not slope.any():
            return w.op("Relu", x)
        if self.options.prelu == "prelu":
            return w.op("PRelu", x, w.constant(slope[:, None, None]))
        a = w.constant(slope[None, :, None, None])
        if self.options.prelu == "max" and slope.min() >= 0 and slope.max() <= 1:
            return w.op("Max", x, w.op("Mul", x, a))
        if self.options.prelu == "linear":  # a x + (1 - a) relu(x)
            one = w.constant(1 - slope[None, :, None, None])
            return w.op("Add", w.op("Mul", x, a), w.op("Mul", w.op("Relu", x), one))
        minus = w.op("Mul", w.op("Relu", w.op("Neg", x)), a)
        return w.op("Sub", w.op("Relu", x), minus)

    def layer(self, x: str, layer: Layer) -> str:
        return self.activate(self.conv(x, layer.conv), layer.slope)

    def regular(self, x: str, block: Block) -> str:
        """A bottleneck beside its identity: (1, C, H, W) -> (1, C, H, W)."""
        y = x
        for layer in block.branch:
            y = self.layer(y, layer)
        return self.activate(self.w.op("Add", y, x), block.slope)

    def initial(self, image: str, block: Initial, pool: int) -> str:
        """Pixels minus mean (1, 3, H, W) -> (1, 64, H/4, W/4): 16 channels in 2 x 2 phases."""
        w = self.w
        beside = w.op(
            "MaxPool", image, kernel_shape=[pool, pool], strides=[2, 2], pads=[0, 0, 0, 0] if pool == 2 else [1, 1, 1, 1]
        )
        y = self.conv(image, in_phases(block.conv, 1, 2))
        y = w.op("Add", y, self.conv(beside, in_phases(block.pooled, 1, 2)))
        return self.activate(y, None if block.slope is None else np.tile(block.slope, 4))

    def cells(self, x: str, channels: int, phases: bool, size: tuple[int, int]) -> list[str]:
        """The four pixels of every 2 x 2 cell, in raster order."""
        if phases:
            return self.w.split(x, 1, (channels,) * 4)
        return [self.w.slices(x, (2, 3), corner, size, (2, 2)) for corner in ((0, 0), (0, 1), (1, 0), (1, 1))]

    def masks(self, cells: list[str]) -> tuple[str, Masks]:
        """The maximum of every cell, and where its first maximum lies."""
        w = self.w
        a, b, c, d = cells
        upper, lower = w.op("Max", a, b), w.op("Max", c, d)

        def first(x: str, y: str) -> str:
            return w.cast(w.op("GreaterOrEqual", x, y), TensorProto.FLOAT)

        return w.op("Max", upper, lower), Masks(first(upper, lower), first(a, b), first(c, d))

    def down(self, x: str, cin: int, block: Block, phases: bool, size: tuple[int, int]) -> tuple[str, Masks]:
        """The down-sampling bottleneck and the masks of its pool."""
        w = self.w
        pooled, masks = self.masks(self.cells(x, cin, phases, size))
        first, main, expand = block.branch
        if phases:
            first = Layer(in_phases(first.conv, 2, 1), first.slope)
        y = self.layer(self.layer(self.layer(x, first), main), expand)
        extra = expand.conv.bias.size - cin
        pads = w.constant([0, 0, 0, 0, 0, extra, 0, 0], np.int64)
        return self.activate(w.op("Add", y, w.op("Pad", pooled, pads)), block.slope), masks

    def unpool(self, x: str, masks: Masks | None) -> list[str]:
        """The four pixels of every cell: the value where its maximum was, zero elsewhere; or the value everywhere."""
        w = self.w
        if masks is None:
            return [x] * 4
        top = w.op("Mul", x, masks.top)
        bottom = w.op("Sub", x, top)
        a = w.op("Mul", top, masks.upper_left)
        c = w.op("Mul", bottom, masks.lower_left)
        return [a, w.op("Sub", top, a), c, w.op("Sub", bottom, c)]

    def up(self, x: str, block: Block, masks: Masks | None, phases: bool) -> str:
        """The up-sampling bottleneck: (1, Cin, H, W) -> (1, 4 Cout, H, W) in phases or (1, Cout, 2H, 2W)."""
        w = self.w
        first, deconv, expand = block.branch
        assert block.skip is not None
        cells = self.unpool(self.conv(x, block.skip), masks)
        skip = w.op("Concat", *cells, axis=1)
        y = self.layer(self.layer(x, first), deconv)
        slope = block.slope
        if phases:
            expand = Layer(in_phases(expand.conv, 2, 2), None if expand.slope is None else np.tile(expand.slope, 4))
            slope = np.tile(slope, 4)
        else:
            y, skip = self.interleave(y), self.interleave(skip)
        return self.activate(w.op("Add", self.layer(y, expand), skip), slope)

    def interleave(self, x: str) -> str:
        """Phases -> pixels: (1, 4 C, H, W) -> (1, C, 2H, 2W)."""
        return self.w.op("DepthToSpace", x, blocksize=2, mode="DCR")

    def in_phases(self, x: str, block: Block) -> str:
        """A bottleneck on 2 x 2 phases."""
        def tiled(slope: Array | None) -> Array | None:
            return None if slope is None else np.tile(slope, 4)

        layers = tuple(Layer(in_phases(conv, 2, 2), tiled(slope)) for conv, slope in block.branch)
        return self.regular(x, Block(layers, np.tile(block.slope, 4)))

    def logits(self, x: str, last: Conv, classes: int) -> list[str]:
        """Features in 2 x 2 phases -> for every class (1, 16, H/4, W/4): its logits in 4 x 4 phases."""
        conv = in_phases(last, 2, 2)  # outputs (phase, sub-phase, class)
        o, i, kh, kw = conv.weight.shape
        weight = conv.weight.reshape(16, classes, i, kh, kw).swapaxes(0, 1).reshape(o, i, kh, kw)
        bias = conv.bias.reshape(16, classes).T.reshape(o)
        y = self.conv(x, conv._replace(weight=weight, bias=bias))
        return self.w.split(y, 1, (16,) * classes)

    def argmax(self, logits: list[str]) -> tuple[str, str]:
        """The index of the first maximum as float, and the maximum."""
        w = self.w
        best, index = logits[0], w.constant(np.zeros((1, 1, 1, 1)))
        for i, value in enumerate(logits[1:], 1):
            index = w.op("Where", w.op("Greater", value, best), w.constant(np.full((1, 1, 1, 1), i)), index)
            best = w.op("Max", best, value)
        return index, best

    def confidence(self, logits: list[str], best: str, temperature: float) -> str:
        """255 / sum of exp((logit - maximum) / temperature): the soft-max's maximum on a byte's scale, rounded."""
        w = self.w
        total = ""
        scale = w.constant(np.full((1, 1, 1, 1), 1 / temperature))
        for value in logits:
            term = w.op("Exp", w.op("Mul", w.op("Sub", value, best), scale))
            total = w.op("Add", total, term) if total else term
        return w.op("Add", w.op("Div", w.constant(np.full((1, 1, 1, 1), 255.0)), total), w.constant(np.full((1, 1, 1, 1), 0.5)))

    def to_pixels(self, x: str, size: tuple[int, int], crop: tuple[int, int], name: str) -> None:
        """(1, 16, H/4, W/4) in (row, column, sub-row, sub-column) phases -> the uint8 output (H, W), cropped."""
        w = self.w
        height, width = size
        y = w.reshape(x, 2, 2, 2, 2, height // 4, width // 4)
        y = w.op("Transpose", y, perm=[4, 0, 2, 5, 1, 3])
        y = w.reshape(y, height, width)
        if crop != size:
            y = w.slices(y, (0, 1), (0, 0), crop, (1, 1))
        w.op("Cast", y, to=TensorProto.UINT8, name=name)


def _pixels(w: OnnxWriter, size: tuple[int, int], padded: tuple[int, int], mean: Array) -> str:
    """The input (1, H, W, 3) uint8 -> pixels minus mean, (1, 3, H', W') float."""
    x = w.op("Transpose", w.cast("image", TensorProto.FLOAT), perm=[0, 3, 1, 2])
    if padded != size:
        pads = w.constant([0, 0, 0, 0, 0, 0, padded[0] - size[0], padded[1] - size[1]], np.int64)
        x = w.op("Pad", x, pads, mode="edge")
    return w.op("Sub", x, w.constant(mean[None, :, None, None])) if mean.any() else x


def _write(w: OnnxWriter, net: Folded, card: ModelCard, size: tuple[int, int], options: GraphOptions) -> None:
    spec = card.spec
    padded = (size[0] + -size[0] % STRIDE, size[1] + -size[1] % STRIDE)
    quarter = (padded[0] // 4, padded[1] // 4)
    n = _Network(w, options)
    x = n.initial(_pixels(w, size, padded, net.initial.mean), net.initial, spec.initial_pool)
    x, masks1 = n.down(x, 16, net.down1, True, quarter)
    for block in net.stage1:
        x = n.regular(x, block)
    x, masks2 = n.down(x, 64, net.down2, False, quarter)
    for block in net.stage23:
        x = n.regular(x, block)
    nearest = spec.unpool == "nearest"
    x = n.up(x, net.up4, None if nearest else masks2, False)
    for block in net.stage4:
        x = n.regular(x, block)
    x = n.up(x, net.up5, None if nearest else masks1, True)
    for block in net.stage5:
        x = n.in_phases(x, block)
    logits = n.logits(x, net.last, spec.num_classes)
    labels, best = n.argmax(logits)
    n.to_pixels(labels, padded, size, "labels")
    if options.confidence:
        n.to_pixels(n.confidence(logits, best, card.temperature), padded, size, "confidence")


def build(model: Model, size: tuple[int, int] | None = None, options: GraphOptions = GraphOptions()) -> onnx.ModelProto:
    """The graph of a model for images of `size` (height, width; the card's by default).

    Input `image` (1, H, W, 3) uint8 RGB; output `labels` (H, W) uint8, the index of the largest output, and with
    `options.confidence` also `confidence` (H, W) uint8, round(255 * probability). Raises ConfigError on a senseless
    size and ModelError where tensors are missing.
    """
    card = model.card
    height, width = size = size or card.input_size
    if not (8 <= height <= 8192 and 8 <= width <= 8192):
        raise ConfigError(f"the graph's size is {height}x{width}; use sides of 8..8192 pixels")
    writer = OnnxWriter()
    _write(writer, fold(model), card, size, options)
    outputs = {"labels": (TensorProto.UINT8, size)}
    if options.confidence:
        outputs["confidence"] = (TensorProto.UINT8, size)
    metadata = {CARD_KEY: card.with_(input_size=size).to_json()}
    inputs = {"image": (TensorProto.UINT8, (1, height, width, 3))}
    return writer.model(card.name, inputs, outputs, metadata)
