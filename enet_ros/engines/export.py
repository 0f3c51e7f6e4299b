"""Model files -> what other programs run: ONNX, OpenVINO IR, a TensorRT engine."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from enet_ros import files
from enet_ros.card import ModelCard
from enet_ros.engines.base import Image
from enet_ros.engines.graph.options import EXPORT
from enet_ros.engines.source import GraphSource
from enet_ros.errors import ConfigError, EngineError
from enet_ros.model_file import CARD_KEY, read_card

FORMATS = {"onnx": ".onnx", "openvino": ".xml", "tensorrt": ".engine"}
"""Formats, and the endings of their files."""
PRECISIONS = {
    "onnx": ("fp32", "fp16", "int8"),
    "openvino": ("fp32", "fp16", "int8"),
    "tensorrt": ("fp16", "fp32", "int8"),
}
"""What each format can hold, its default first. bf16 is no property of a file: choose it when the file is run."""


def export(
    model: Path | str,
    out: Path | str,
    *,
    format: str = "onnx",
    size: tuple[int, int] | None = None,
    precision: str | None = None,
    calibration: Sequence[Image] = (),
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
        tensorrt = importlib.import_module("enet_ros.engines.tensorrt.engine")  # heavy, and rarely there
        written: Path = tensorrt.export(Path(model), out, size=size, precision=precision, calibration=calibration)
        return written
    data = onnx_bytes(model, size, precision, calibration)
    if format == "onnx":
        return files.write(out, data)
    card = read_card(model)
    return _openvino(data, out, card.with_(input_size=size or card.input_size), compress=precision == "fp16")


def onnx_bytes(
    model: Path | str, size: tuple[int, int] | None, precision: str, calibration: Sequence[Image] = ()
) -> bytes:
    """The exported ONNX model, serialised; arguments as `export`."""
    source = GraphSource(model, size)
    if source.is_onnx:
        raise ConfigError(f"{model} is exported already; give the .safetensors file it was made from")
    data = source.onnx(EXPORT._replace(half=precision == "fp16"))
    if precision != "int8":
        return data
    import onnx

    from enet_ros.engines.quantize import quantize

    quantized = quantize(onnx.load_from_string(data), calibration)
    return bytes(quantized.SerializeToString())


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
