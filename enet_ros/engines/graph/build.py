"""The inference graph: a uint8 image in, uint8 labels out, everything between in one ONNX graph made for fusion.

The network of nn/enet.py rewritten, never retrained, and without torch. From the folded arrays of fold.py:

- the stem, the first pool and everything from bottleneck 5.0 on work in 2 x 2 phases at a quarter of the image's sides
  (phases.py): the first pool is a maximum of four groups of channels, the last un-pooling never leaves the channels;
- a pool remembers which pixel of a window holds the FIRST maximum in raster order, and un-pooling puts the value there
  and zeros elsewhere: the tie rule of the training network, exactly, also where pixels of a window are equal;
- the arg-max is a chain of comparisons in which the first of equal classes wins, as in torch and NumPy.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from enet_ros.card import ModelCard
from enet_ros.engines.graph import EXPORT, HALF_KEY, GraphOptions
from enet_ros.engines.graph.blocks import TWO, Blocks, Pooled, tiled
from enet_ros.engines.graph.fold import Folded, Initial, fold
from enet_ros.engines.graph.phases import Conv, in_phases
from enet_ros.errors import ConfigError
from enet_ros.model_file import CARD_KEY, Model
from enet_ros.figures import size_text
from enet_ros.spec import STRIDE

OPSET = 17
"""The opset that TensorRT 8.5 (JetPack 6) and every later runtime read."""
IR_VERSION = 8
COLUMNS = (1, 4)


def build(model: Model, size: tuple[int, int] | None = None, options: GraphOptions = EXPORT) -> onnx.ModelProto:
    """The graph of a model for images of `size` (height, width; the card's by default).

    Input `image` (1, H, W, 3) uint8 RGB; outputs `labels` (H, W) uint8, the index of the largest logit, and
    `confidence` (H, W) uint8, round(255 * probability). Its metadata holds the card. Raises ConfigError on a size no
    image has and ModelError where tensors are missing.
    """
    size = size or model.card.input_size
    if not all(8 <= side <= 8192 for side in size):
        raise ConfigError(f"the graph's size is {size_text(size)}; use sides of 8..8192 pixels")
    network = _Network(options, size)
    network.write(fold(model), model.card)
    image, labels, confidence = (
        helper.make_tensor_value_info(name, TensorProto.UINT8, shape)
        for name, shape in (("image", (1, *size, 3)), ("labels", size), ("confidence", size))
    )
    graph = helper.make_graph(network.w.nodes, model.card.name, [image], [labels, confidence], network.w.constants)
    proto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="enet_ros"
    )
    card = model.card.with_(input_size=size)
    helper.set_model_props(proto, {CARD_KEY: card.to_json()} | ({HALF_KEY: "1"} if options.half else {}))
    return proto


class _Network(Blocks):
    """Writes the whole network for images of one size.

    size    (H, W) of the image
    padded  (H', W'): its sides extended to multiples of 8 by repeating the last row and column
    """

    def __init__(self, options: GraphOptions, size: tuple[int, int]) -> None:
        super().__init__(options)
        self.size = size
        self.padded = (size[0] + -size[0] % STRIDE, size[1] + -size[1] % STRIDE)

    def write(self, net: Folded, card: ModelCard) -> None:
        """Write all blocks in their order."""
        spec, kernel = card.spec, card.spec.down_pool
        x = self._stem(net.initial, spec.initial_pool)  # (1, 64, H'/4, W'/4): 16 in phases
        if self.options.half:
            x = self.w.half(x)
        x, pooled1 = self.down(x, net.down1, kernel)  # (1, 64, H'/4, W'/4)
        for block in net.stage1:
            x = self.bottleneck(x, block)
        x, pooled2 = self.down(self.w.op("SpaceToDepth", x, blocksize=2), net.down2, kernel)  # (1, 128, H'/8, W'/8)
        for block in net.stage23:
            x = self.bottleneck(x, block)
        indices = spec.unpool == "indices"
        x = self.up(x, net.up4, pooled2 if indices else None, kernel, phases=False)  # (1, 64, H'/4, W'/4)
        for block in net.stage4:
            x = self.bottleneck(x, block)
        x = self.up(x, net.up5, pooled1 if indices else None, kernel, phases=True)  # (1, 64, H'/4, W'/4): 16 in phases
        for block in net.stage5:
            x = self.bottleneck_in_phases(x, block)
        self._head(x, net.last, spec.num_classes, card.temperature)

    def _stem(self, block: Initial, pool: int) -> str:
        """The image -> the first block's 16 channels in 2 x 2 phases; `pool` is the kernel of its max-pool."""
        columns = self.options.stem == "columns"
        x, beside = self._columns(pool) if columns else self._planes(pool)
        if block.mean.any():
            mean = np.tile(block.mean, 4) if columns else block.mean
            x = self.w.op("Sub", x, self.w.constant(mean[None, :, None, None]))
        main = self.conv(x, in_phases(block.conv, COLUMNS if columns else (1, 1), TWO))
        skip = self.conv(beside, in_phases(block.pooled, TWO if columns else (1, 1), TWO))
        return self.activate(self.w.op("Add", skip, main), tiled(block.slope))

    def _planes(self, kernel: int) -> tuple[str, str]:
        """Pixels (1, 3, H', W') and their max-pool (1, 3, H'/2, W'/2). Cast first: TensorRT moves no bytes."""
        x = self.w.op("Transpose", self.w.cast("image", TensorProto.FLOAT), perm=[0, 3, 1, 2])
        x = self._pad(x, rows=2)
        pads = [kernel // 3] * 4
        return x, self.w.op("MaxPool", x, kernel_shape=[kernel, kernel], strides=[2, 2], pads=pads)

    def _pad(self, x: str, rows: int) -> str:
        """From (H, W) to (H', W'); `rows` is the axis of the rows, before that of the columns."""
        if self.padded == self.size:
            return x
        ends = [0, 0, 0, 0]
        ends[rows : rows + 2] = [full - side for full, side in zip(self.padded, self.size, strict=True)]
        return self.w.op("Pad", x, self.w.constant([0, 0, 0, 0, *ends], np.int64), mode="edge")

    def _columns(self, kernel: int) -> tuple[str, str]:
        """Pixels in 1 x 4 phases (1, 12, H', W'/4) and their max-pool in 2 x 2 phases (1, 12, H'/4, W'/4).

        Nothing is moved for it: four pixels of a row are twelve bytes in a row. The two transpositions look alike but
        must not be one: a transposition with one reader becomes a choice of layout, with two it becomes work.
        """
        w = self.w
        height, width = self.padded
        image = "image"
        if self.padded != self.size:  # few runtimes repeat the edge of bytes
            image = w.cast(self._pad(w.cast(image, TensorProto.FLOAT), rows=1), TensorProto.UINT8)
        as_columns = w.reshape(image, 1, height, width // 4, 12)
        x = w.op("Transpose", w.cast(as_columns, TensorProto.FLOAT), perm=[0, 3, 1, 2])
        rows = self._row_maxima(image, kernel)
        rows = w.op("Transpose", w.reshape(rows, 1, height // 2, width // 4, 12), perm=[0, 3, 1, 2])
        return x, self._column_maxima(w.cast(rows, TensorProto.FLOAT), kernel)

    def _row_maxima(self, image: str, kernel: int) -> str:
        """Over pairs of rows, or over those and the row above them, in bytes: (1, H'/2, 1, 3 W')."""
        w = self.w
        height, width = self.padded
        upper, lower = w.split(w.reshape(image, 1, height // 2, 2, width * 3), 2, (1, 1))
        best = w.op("Max", upper, lower)
        if kernel == 2:
            return best
        first, _ = w.split(upper, 1, (1, height // 2 - 1))  # above the image there is nothing: the row itself
        above, _ = w.split(lower, 1, (height // 2 - 1, 1))
        return w.op("Max", best, w.op("Concat", first, above, axis=1))

    def _column_maxima(self, rows: str, kernel: int) -> str:
        """Columns are channels here: max(a, b) = a + relu(b - a), exact on 0..255.

        The zeros left of the image never are a maximum, for no pixel is below them.
        """
        w = self.w
        right = w.op("Relu", self.conv(rows, _taps(0, -1, 1)))
        best = w.op("Add", right, self.conv(rows, _taps(0, 1, 0)))
        if kernel == 2:
            return best
        # max(left, best) = best + relu(left - best)
        return w.op("Add", w.op("Relu", w.op("Sub", self.conv(rows, _taps(1, 0, 0)), best)), best)

    def _head(self, x: str, last: Conv, classes: int, temperature: float) -> None:
        """Stage 5's features in 2 x 2 phases (1, 64, H'/4, W'/4) -> labels and confidence (H, W) uint8.

        The last convolution doubles the sides once more, so a class has 16 numbers a cell of 4 x 4 pixels. The arg-max
        is taken over those, and only its bytes are put in their places. Each class gets its own convolution: cutting
        one apart costs more.
        """
        conv = in_phases(last, TWO, TWO)  # outputs: phase, sub-phase, class
        weight = conv.weight.reshape(16, classes, *conv.weight.shape[1:])
        bias = conv.bias.reshape(16, classes)
        logits = [self.conv(x, conv._replace(weight=weight[:, c], bias=bias[:, c])) for c in range(classes)]
        best = self.first_maximum(logits)
        self._place(best.place, "labels")
        self._place(self._probability(logits, best, temperature), "confidence")

    def _probability(self, logits: list[str], best: Pooled, temperature: float) -> str:
        """255 times the soft-max's maximum, plus one half for the rounding: 255 / sum of exp((logit - maximum) / T)."""
        w = self.w
        terms = [
            w.op("Exp", w.op("Mul", w.op("Sub", logit, best.maximum), w.scalar(1 / temperature))) for logit in logits
        ]
        total = terms[0]
        for term in terms[1:]:
            total = w.op("Add", total, term)
        return w.op("Add", w.op("Div", w.scalar(255), total), w.scalar(0.5))

    def _place(self, x: str, name: str) -> None:
        """(1, 16, H'/4, W'/4) in (row, column, sub-row, sub-column) phases -> the uint8 output (H, W)."""
        w = self.w
        height, width = self.padded
        y = w.reshape(x, 2, 2, 2, 2, height // 4, width // 4)
        y = w.op("Transpose", y, perm=[4, 0, 2, 5, 1, 3])
        y = w.reshape(y, height, width)
        if self.padded != self.size:
            y = w.slices(y, (0, 1), (0, 0), self.size)
        w.op("Cast", y, to=TensorProto.UINT8, name=name)


def _taps(left: float, here: float, right: float) -> Conv:
    """Weighted sum of columns 2X - 1, 2X and 2X + 1 of each colour, from 1 x 4 to 2 x 2 phases."""
    weight = np.zeros((3, 3, 1, 3), np.float32)
    weight[(0, 1, 2), (0, 1, 2)] = np.array((left, here, right), np.float32)
    return in_phases(Conv(weight, np.zeros(3, np.float32), (1, 2), (0, 1, 0, 1)), COLUMNS, TWO)
