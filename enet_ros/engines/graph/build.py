"""The inference graph: a uint8 image in, uint8 labels out, everything between in one ONNX graph made for fusion.

The network of nn/enet.py rewritten, never retrained, and without torch. From the folded arrays of fold.py:

- the stem, the first pool and everything from bottleneck 5.0 on work in 2 x 2 phases at a quarter of the image's sides
  (phases.py): the first pool is a maximum of four groups of channels, the last un-pooling never leaves the channels;
- a pool remembers which pixel of a window holds the FIRST maximum in raster order, and un-pooling puts the value there
  and zeros elsewhere: the tie rule of the training network, exactly, also where pixels of a window are equal;
- the arg-max is a chain of comparisons in which the first of equal classes wins, as in torch and NumPy.
"""

from __future__ import annotations

import onnx

from enet_ros.card import ModelCard
from enet_ros.engines.graph.blocks import Blocks
from enet_ros.engines.graph.ends import Head, Stem
from enet_ros.engines.graph.fold import Folded, fold
from enet_ros.engines.graph.onnx_writer import OnnxWriter, TensorProto
from enet_ros.engines.graph import EXPORT, GraphOptions
from enet_ros.errors import ConfigError
from enet_ros.model_file import CARD_KEY, Model
from enet_ros.figures import size_text
from enet_ros.spec import STRIDE

HALF_KEY = "enet_ros.float16"
"""Metadata key of a graph whose convolutions are in float16."""


def build(model: Model, size: tuple[int, int] | None = None, options: GraphOptions = EXPORT) -> onnx.ModelProto:
    """The graph of a model for images of `size` (height, width; the card's by default).

    Input `image` (1, H, W, 3) uint8 RGB; output `labels` (H, W) uint8, the index of the largest output, and with
    `options.confidence` also `confidence` (H, W) uint8, round(255 * probability). Its metadata holds the card. Raises
    ConfigError on a size no image has and ModelError where tensors are missing.
    """
    card = model.card
    height, width = size = size or card.input_size
    if not (8 <= height <= 8192 and 8 <= width <= 8192):
        raise ConfigError(f"the graph's size is {size_text(size)}; use sides of 8..8192 pixels")
    writer = OnnxWriter()
    _write(Blocks(writer, options), fold(model), card, size)
    outputs = ("labels", "confidence") if options.confidence else ("labels",)
    return writer.model(
        card.name,
        {"image": (TensorProto.UINT8, (1, height, width, 3))},
        dict.fromkeys(outputs, (TensorProto.UINT8, size)),
        {CARD_KEY: card.with_(input_size=size).to_json()} | ({HALF_KEY: "1"} if options.half else {}),
    )


def _write(blocks: Blocks, net: Folded, card: ModelCard, size: tuple[int, int]) -> None:
    """All blocks in their order; shapes are those of the padded image."""
    spec = card.spec
    padded = (size[0] + -size[0] % STRIDE, size[1] + -size[1] % STRIDE)
    kernel = spec.down_pool
    x = Stem(blocks, size, padded).write(net.initial, spec.initial_pool)  # (1, 64, H/4, W/4): 16 in phases
    if blocks.options.half:
        x = blocks.w.half(x)
    x, pooled1 = blocks.down(x, net.down1, kernel)  # (1, 64, H/4, W/4)
    for block in net.stage1:
        x = blocks.bottleneck(x, block)
    x, pooled2 = blocks.down(blocks.w.op("SpaceToDepth", x, blocksize=2), net.down2, kernel)  # (1, 128, H/8, W/8)
    for block in net.stage23:
        x = blocks.bottleneck(x, block)
    indices = spec.unpool == "indices"
    x = blocks.up(x, net.up4, pooled2 if indices else None, kernel, phases=False)  # (1, 64, H/4, W/4)
    for block in net.stage4:
        x = blocks.bottleneck(x, block)
    x = blocks.up(x, net.up5, pooled1 if indices else None, kernel, phases=True)  # (1, 64, H/4, W/4): 16 in phases
    for block in net.stage5:
        x = blocks.bottleneck_in_phases(x, block)
    Head(blocks, size, padded).write(x, net.last, spec.num_classes, card.temperature)
