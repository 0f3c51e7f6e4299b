"""The end of the inference graph: features in, bytes out."""

from __future__ import annotations

from typing import NamedTuple

from enet_ros.engines.graph.blocks import TWO, Blocks, Pooled
from enet_ros.engines.graph.onnx_writer import TensorProto
from enet_ros.engines.graph.phases import Conv, in_phases


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
