"""The inference graph: the network rewritten for CPUs and GPUs, and written as ONNX by `graph.build`."""

from __future__ import annotations

from typing import NamedTuple

HALF_KEY = "enet_ros.float16"
"""Metadata key of a graph whose convolutions are in float16."""


class GraphOptions(NamedTuple):
    """How the graph is written, which a runtime may choose. Only `half` changes what is computed.

    docs/engines.md has what each choice gave.

    prelu  "operator": PRelu; "linear": a x + (1 - a) relu(x), which CPU runtimes do faster
    stem   "planes": the image as three planes, float from the start; "columns": four columns of pixels in the
           channels, which saves runtimes with channels-last convolutions every transposition, but has more operators
           on bytes than TensorRT takes
    half   everything behind the stem in float16 (the stem's weights are too small for it)
    """

    prelu: str = "linear"
    stem: str = "planes"
    half: bool = False


EXPORT = GraphOptions()
"""What `enet_ros export` writes: runs everywhere."""
OPENVINO = GraphOptions(stem="columns")
TENSORRT = GraphOptions(prelu="operator")
