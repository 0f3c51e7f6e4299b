"""Both ends of the inference graph: bytes to the first block's features, the last features to bytes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from enet_ros.engines.graph.blocks import TWO, Blocks, Pooled, tiled
from enet_ros.engines.graph.fold import Initial
from enet_ros.engines.graph.onnx_writer import TensorProto
from enet_ros.engines.graph.phases import Conv, in_phases

COLUMNS = (1, 4)


class Stem:
    """The image (1, H, W, 3) uint8 -> (1, 64, H'/4, W'/4): the first block's 16 channels in 2 x 2 phases.

    size    (H, W) of the image
    padded  (H', W'): its sides extended to multiples of 8 by repeating the last row and column
    """

    def __init__(self, blocks: Blocks, size: tuple[int, int], padded: tuple[int, int]) -> None:
        self.blocks, self.w = blocks, blocks.w
        self.size, self.padded = size, padded

    def write(self, block: Initial, pool: int) -> str:
        """The first block; `pool` is the kernel of its max-pool."""
        columns = self.blocks.options.stem == "columns"
        x, beside = self._columns(pool) if columns else self._planes(pool)
        if block.mean.any():
            mean = np.tile(block.mean, 4) if columns else block.mean
            x = self.w.op("Sub", x, self.w.constant(mean[None, :, None, None]))
        main = self.blocks.conv(x, in_phases(block.conv, COLUMNS if columns else (1, 1), TWO))
        skip = self.blocks.conv(beside, in_phases(block.pooled, TWO if columns else (1, 1), TWO))
        return self.blocks.activate(self.w.op("Add", skip, main), tiled(block.slope))

    def _planes(self, kernel: int) -> tuple[str, str]:
        """Pixels (1, 3, H', W') and their max-pool (1, 3, H'/2, W'/2). Cast first: TensorRT moves no bytes."""
        w = self.w
        x = w.op("Transpose", w.cast("image", TensorProto.FLOAT), perm=[0, 3, 1, 2])
        (height, width), (full_height, full_width) = self.size, self.padded
        if self.padded != self.size:
            pads = w.constant([0, 0, 0, 0, 0, 0, full_height - height, full_width - width], np.int64)
            x = w.op("Pad", x, pads, mode="edge")
        pads_of_pool = [kernel // 3] * 4
        return x, w.op("MaxPool", x, kernel_shape=[kernel, kernel], strides=[2, 2], pads=pads_of_pool)

    def _columns(self, kernel: int) -> tuple[str, str]:
        """Pixels in 1 x 4 phases (1, 12, H', W'/4) and their max-pool in 2 x 2 phases (1, 12, H'/4, W'/4).

        Nothing is moved for it: four pixels of a row are twelve bytes in a row. The two transpositions look alike but
        must not be one: a transposition with one reader becomes a choice of layout, with two it becomes work.
        """
        w = self.w
        height, width = self.padded
        image = self._padded_bytes()
        as_columns = w.reshape(image, 1, height, width // 4, 12)
        x = w.op("Transpose", w.cast(as_columns, TensorProto.FLOAT), perm=[0, 3, 1, 2])
        rows = self._row_maxima(image, kernel)
        rows = w.op("Transpose", w.reshape(rows, 1, height // 2, width // 4, 12), perm=[0, 3, 1, 2])
        return x, self._column_maxima(w.cast(rows, TensorProto.FLOAT), kernel)

    def _padded_bytes(self) -> str:
        if self.padded == self.size:
            return "image"
        w = self.w
        (height, width), (full_height, full_width) = self.size, self.padded
        x = w.cast("image", TensorProto.FLOAT)  # few runtimes repeat the edge of bytes
        x = w.op(
            "Pad", x, w.constant([0, 0, 0, 0, 0, full_height - height, full_width - width, 0], np.int64), mode="edge"
        )
        return w.cast(x, TensorProto.UINT8)

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
        w, conv = self.w, self.blocks.conv
        right = w.op("Relu", conv(rows, _taps(0, -1, 1)))
        best = w.op("Add", right, conv(rows, _taps(0, 1, 0)))
        if kernel == 2:
            return best
        # max(left, best) = best + relu(left - best)
        return w.op("Add", w.op("Relu", w.op("Sub", conv(rows, _taps(1, 0, 0)), best)), best)


def _taps(left: float, here: float, right: float) -> Conv:
    """Weighted sum of columns 2X - 1, 2X and 2X + 1 of each colour, from 1 x 4 to 2 x 2 phases."""
    weight = np.zeros((3, 3, 1, 3), np.float32)
    weight[(0, 1, 2), (0, 1, 2)] = np.array((left, here, right), np.float32)
    return in_phases(Conv(weight, np.zeros(3, np.float32), (1, 2), (0, 1, 0, 1)), COLUMNS, TWO)


class Head(NamedTuple):
    """Stage 5's features in 2 x 2 phases (1, 64, H'/4, W'/4) -> labels and confidence (H, W) uint8.

    The last convolution doubles the sides once more, so a class has 16 numbers a cell of 4 x 4 pixels. The arg-max is
    taken over those, and only its bytes are put in their places.

    size, padded  (H, W) and (H', W') as the stem's
    """

    blocks: Blocks
    size: tuple[int, int]
    padded: tuple[int, int]

    def write(self, x: str, last: Conv, classes: int, temperature: float) -> None:
        """The outputs that the options ask for. Each class gets its own convolution: cutting one apart costs more."""
        conv = in_phases(last, TWO, TWO)  # outputs: phase, sub-phase, class
        weight = conv.weight.reshape(16, classes, *conv.weight.shape[1:])
        bias = conv.bias.reshape(16, classes)
        logits = [self.blocks.conv(x, conv._replace(weight=weight[:, c], bias=bias[:, c])) for c in range(classes)]
        best = self.blocks.first_maximum(logits)
        self._place(best.place, "labels")
        if self.blocks.options.confidence:
            self._place(self._probability(logits, best, temperature), "confidence")

    def _probability(self, logits: list[str], best: Pooled, temperature: float) -> str:
        """255 times the soft-max's maximum, plus one half for the rounding: 255 / sum of exp((logit - maximum) / T)."""
        w = self.blocks.w
        terms = [
            w.op("Exp", w.op("Mul", w.op("Sub", logit, best.maximum), w.scalar(1 / temperature))) for logit in logits
        ]
        total = terms[0]
        for term in terms[1:]:
            total = w.op("Add", total, term)
        return w.op("Add", w.op("Div", w.scalar(255), total), w.scalar(0.5))

    def _place(self, x: str, name: str) -> None:
        """(1, 16, H'/4, W'/4) in (row, column, sub-row, sub-column) phases -> the uint8 output (H, W)."""
        w = self.blocks.w
        height, width = self.padded
        y = w.reshape(x, 2, 2, 2, 2, height // 4, width // 4)
        y = w.op("Transpose", y, perm=[4, 0, 2, 5, 1, 3])
        y = w.reshape(y, height, width)
        if self.padded != self.size:
            y = w.slices(y, (0, 1), (0, 0), self.size, (1, 1))
        w.op("Cast", y, to=TensorProto.UINT8, name=name)
