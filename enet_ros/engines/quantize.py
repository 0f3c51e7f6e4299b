"""INT8: an inference graph with its convolutions quantised, calibrated on images like those it will see."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx

from enet_ros.engines.base import Image, check_image
from enet_ros.errors import EngineError


def quantize(model: onnx.ModelProto, images: Sequence[Image], *, symmetric: bool = False) -> onnx.ModelProto:
    """The graph with 8-bit convolutions between QuantizeLinear and DequantizeLinear (per-channel weights).

    The first convolution, which reads pixels, and the last, whose outputs are compared, stay in float32. `images` are
    (H, W, 3) uint8 RGB of the graph's size; some dozens of different scenes are enough. `symmetric` activations are
    signed bytes around zero, and biases stay in float32: all that TensorRT has. Raises EngineError without images or
    without onnxruntime, which does the calibration.
    """
    try:
        from onnxruntime import quantization
    except ModuleNotFoundError as error:
        raise EngineError("int8 is calibrated with ONNX Runtime: pip install onnxruntime") from error
    if not images:
        raise EngineError("int8 needs images to calibrate with; give a folder of the camera's frames (--calibration)")
    _, height, width, _ = (dimension.dim_value for dimension in model.graph.input[0].type.tensor_type.shape.dim)
    feed = ({"image": check_image(image, (height, width))[None]} for image in images)

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, items: Iterator[dict[str, Any]]) -> None:
            self.items = items

        def get_next(self) -> dict[str, Any] | None:
            return next(self.items, None)

    forms: dict[str, Any] = {}
    if symmetric:
        forms["activation_type"] = quantization.QuantType.QInt8
        forms["extra_options"] = {"ActivationSymmetric": True, "QuantizeBias": False}
    with tempfile.TemporaryDirectory(prefix="enet_ros-") as folder:
        out = Path(folder) / "int8.onnx"
        logging.disable(logging.WARNING)  # it advises shape inference and fusion, which the graph has had
        try:
            quantization.quantize_static(
                model, str(out), Reader(feed), op_types_to_quantize=["Conv"], per_channel=True,
                nodes_to_exclude=_kept(model), **forms,
            )  # fmt: skip
        finally:
            logging.disable(logging.NOTSET)
        return onnx.load(str(out))


def _kept(model: onnx.ModelProto) -> list[str]:
    """Names of the convolutions that stay in float: those of the stem and those that nothing but comparisons follow."""
    producers = {name: node for node in model.graph.node for name in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]

    def reads_pixels(name: str) -> bool:
        node = producers.get(name)
        return node is None or (node.op_type != "Conv" and reads_pixels(node.input[0]))

    compared = {name for node in model.graph.node if node.op_type == "Greater" for name in node.input}
    return [n.name for n in convolutions if reads_pixels(n.input[0]) or n.output[0] in compared]
