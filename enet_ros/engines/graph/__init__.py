"""The inference graph: the network rewritten for CPUs and GPUs, and written as ONNX by `graph.build`."""

from __future__ import annotations

from typing import NamedTuple


class GraphOptions(NamedTuple):
    """What a runtime may choose in the graph: the operators it is written in. Only `half` changes what is computed.

    docs/engines.md has what each choice gave.

    confidence  a second output, `confidence`
    prelu       "operator": PRelu; "linear": a x + (1 - a) relu(x), which CPU runtimes do faster
    stem        "planes": the image as three planes, float from the start; "columns": four columns of pixels in the
                channels, which saves runtimes with channels-last convolutions every transposition, but has more
                operators on bytes than TensorRT takes
    half        everything behind the stem in float16 (the stem's weights are too small for it)
    """

    confidence: bool = False
    prelu: str = "operator"
    stem: str = "planes"
    half: bool = False


EXPORT = GraphOptions(confidence=True, prelu="linear")
"""What `enet_ros export` writes: runs everywhere."""
ONNXRUNTIME = EXPORT
OPENVINO = EXPORT._replace(stem="columns")
