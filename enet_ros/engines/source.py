"""The source of an engine's graph: built in memory from a model file, or read from an exported ONNX file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from enet_ros.card import ModelCard
from enet_ros.engines.graph import HALF_KEY, GraphOptions
from enet_ros.errors import EngineError
from enet_ros.figures import size_text
from enet_ros.model_file import load, read_card


class GraphSource:
    """A model file as ONNX bytes for images of one size. Until the graph is asked for, only the card is read.

    An .onnx file has one size; for another, the .safetensors file of the same weights is used where it lies beside it.
    Raises ModelError on an unreadable file, EngineError on a size that cannot be had.
    """

    def __init__(self, path: Path | str, size: tuple[int, int] | None = None) -> None:
        self.path = Path(path)
        if self.path.suffix == ".engine":
            raise EngineError(f"{path} is a TensorRT engine: use the tensorrt engine, or the model it was made from")
        self.card: ModelCard = read_card(self.path)
        self.size = size or self.card.input_size
        if self.path.suffix == ".onnx" and self.size != self.card.input_size:
            self.path = self._weights()
        self.is_onnx = self.path.suffix == ".onnx"
        self.precision = stored_precision(self.path.read_bytes()) if self.is_onnx else "fp32"

    def _weights(self) -> Path:
        beside = self.path.with_suffix(".safetensors")
        if beside.is_file() and read_card(beside).digest == self.card.digest:
            return beside
        has, wanted = (size_text(size) for size in (self.card.input_size, self.size))
        raise EngineError(
            f"{self.path} is a graph for {has} images, not {wanted}: run `enet_ros export --size {wanted}`, "
            f"or put the model's .safetensors file beside it"
        )

    def digest(self) -> str:
        """sha256 of what the graph is made from: the ONNX file, or tensors, spec, normalisation and temperature."""
        if self.is_onnx:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        card = self.card.with_(name="", input_size=self.size, metrics=(), provenance="", license="")
        return hashlib.sha256(card.to_json().encode()).hexdigest()

    def onnx(self, options: GraphOptions) -> bytes:
        """The graph as a serialised ONNX model; that of an .onnx file is returned as it is, whatever the options."""
        if self.is_onnx:
            return self.path.read_bytes()
        try:
            from enet_ros.engines.graph.build import build  # imports onnx, which a cached engine does without
        except ModuleNotFoundError as error:
            beside = self.path.with_suffix(".onnx")
            exported = beside.read_bytes() if beside.is_file() else b""
            if self.card.with_(input_size=self.size).to_json().encode() in exported:  # the card is plain text in it
                return exported
            raise EngineError(
                f"building the graph of {self.path} needs the onnx package (pip install onnx), "
                f"or its export for this size beside it: {beside}"
            ) from error
        data: bytes = build(load(self.path), self.size, options).SerializeToString()
        return data


def identity(path: Path | str, size: tuple[int, int] | None = None) -> str:
    """What tells a model's answers to images of (height, width) from those of others: key kept results by it.

    Tensors, normalisation, classes and temperature are in it, of an .onnx or .engine file all its bytes; not a name, a
    licence or scores. Raises ModelError, EngineError as `GraphSource`.
    """
    if Path(path).suffix == ".engine":
        read_card(path)  # an unreadable one is told as such
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return GraphSource(path, size).digest()


def stored_precision(onnx: bytes) -> str:
    """The precision of an exported graph, from the operators and metadata it holds."""
    if b"QuantizeLinear" in onnx:
        return "int8"
    return "fp16" if HALF_KEY.encode() in onnx else "fp32"
