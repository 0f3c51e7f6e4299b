"""Exports model files to what other programs run: ONNX, OpenVINO IR, a TensorRT engine; calibrates int8."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from enet_ros import files
from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.engines import tensorrt
from enet_ros.engines.base import check_image
from enet_ros.engines.graph import EXPORT
from enet_ros.engines.source import GraphSource
from enet_ros.errors import ConfigError, EngineError
from enet_ros.model_file import CARD_KEY

if TYPE_CHECKING:
    import onnx

FORMATS = {"onnx": ".onnx", "openvino": ".xml", "tensorrt": ".engine"}
"""Formats and their file endings."""
PRECISIONS = {
    "onnx": ("fp32", "fp16", "int8"),
    "openvino": ("fp32", "fp16", "int8"),
    "tensorrt": ("fp16", "fp32", "int8"),
}
"""What each format can hold, its default first. bf16 is chosen when a file is run, and is not a property of it."""


def export(
    model: Path | str,
    out: Path | str,
    *,
    format: str = "onnx",
    size: tuple[int, int] | None = None,
    precision: str | None = None,
    calibration: Sequence[U8] = (),
) -> Path:
    """Write the inference graph of a model file; returns the file.

    format       "onnx", "openvino" (`out` and a .bin beside it) or "tensorrt"
    size         (height, width) of its images; the card's by default
    precision    see PRECISIONS
    calibration  (H, W, 3) uint8 RGB images of that size, for int8

    Every format takes `image` (1, H, W, 3) uint8 RGB and gives `labels` and `confidence`, (H, W) uint8; the card goes
    into the metadata. Raises ConfigError on a wrong choice, ModelError on a bad model, EngineError where a runtime
    refuses.
    """
    if format not in FORMATS:
        raise ConfigError(f"there is no format {format!r}; use one of {', '.join(FORMATS)}")
    out = Path(out)
    if out.suffix != FORMATS[format]:
        raise ConfigError(f"the {format} file {out} must end in {FORMATS[format]}")
    precision = precision or PRECISIONS[format][0]
    if precision not in PRECISIONS[format]:
        hint = "; bf16 is chosen when the fp32 file is run (--precision bf16)" if precision == "bf16" else ""
        raise ConfigError(f"{format} has no {precision}; use one of {', '.join(PRECISIONS[format])}{hint}")
    out.parent.mkdir(parents=True, exist_ok=True)
    if format == "tensorrt":
        return tensorrt.export(model, out, size=size, precision=precision, calibration=calibration)
    source = GraphSource(model, size)
    if source.is_onnx:
        raise ConfigError(f"{model} is exported already; give the .safetensors file it was made from")
    data = source.onnx(EXPORT._replace(half=precision == "fp16"))
    if precision == "int8":
        data = quantize(data, calibration)
    if format == "onnx":
        return files.write(out, data)
    return _openvino(data, out, source.card.with_(input_size=source.size), compress=precision == "fp16")


def quantize(model: bytes, images: Sequence[U8], *, symmetric: bool = False) -> bytes:
    """An inference graph with 8-bit convolutions between QuantizeLinear and DequantizeLinear (per-channel weights).

    The first convolution, which reads pixels, and the last, whose outputs are compared, stay in float32. `images` are
    (H, W, 3) uint8 RGB of the graph's size; some dozens of different scenes are enough. `symmetric` activations are
    signed bytes around zero, and biases stay in float32: all that TensorRT has. Raises EngineError without images or
    without onnxruntime, which does the calibration.
    """
    try:
        from onnxruntime import quantization
    except ModuleNotFoundError as error:
        raise EngineError("int8 is calibrated with ONNX Runtime: pip install onnxruntime") from error
    import onnx

    if not images:
        raise EngineError("int8 needs images to calibrate with; give a folder of the camera's frames (--calibration)")
    graph = onnx.load_from_string(model)
    _, height, width, _ = (dimension.dim_value for dimension in graph.graph.input[0].type.tensor_type.shape.dim)
    feed = ({"image": check_image(image, (height, width))[None]} for image in images)

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, Any] | None:
            return next(feed, None)

    forms: dict[str, Any] = {}
    if symmetric:
        forms["activation_type"] = quantization.QuantType.QInt8
        forms["extra_options"] = {"ActivationSymmetric": True, "QuantizeBias": False}
    with tempfile.TemporaryDirectory(prefix="enet_ros-") as folder:
        out = Path(folder) / "int8.onnx"
        logging.disable(logging.WARNING)  # it advises shape inference and fusion, which the graph has had
        try:
            quantization.quantize_static(
                graph, str(out), Reader(), op_types_to_quantize=["Conv"], per_channel=True,
                nodes_to_exclude=_kept(graph), **forms,
            )  # fmt: skip
        finally:
            logging.disable(logging.NOTSET)
        return out.read_bytes()


def _kept(model: onnx.ModelProto) -> list[str]:
    """Names of the convolutions that stay in float: those of the stem and those that nothing but comparisons follow."""
    producers = {name: node for node in model.graph.node for name in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]

    def reads_pixels(name: str) -> bool:
        node = producers.get(name)
        return node is None or (node.op_type != "Conv" and reads_pixels(node.input[0]))

    compared = {name for node in model.graph.node if node.op_type == "Greater" for name in node.input}
    return [n.name for n in convolutions if reads_pixels(n.input[0]) or n.output[0] in compared]


def _openvino(data: bytes, out: Path, card: ModelCard, *, compress: bool) -> Path:
    """OpenVINO's own format: the network as XML, its weights beside it."""
    try:
        import openvino as ov
    except ModuleNotFoundError as error:
        raise EngineError("the openvino format needs OpenVINO: pip install openvino") from error
    model = ov.Core().read_model(BytesIO(data))
    model.set_rt_info(card.to_json(), CARD_KEY)
    ov.save_model(model, out, compress_to_fp16=compress)
    return out
