"""Where an engine's graph comes from: built in memory from a model file, or read from an exported ONNX file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from enet_ros.card import ModelCard
from enet_ros.engines.options import GraphOptions
from enet_ros.errors import EngineError
from enet_ros.model_file import load, read_card


class GraphSource:
    """A model file as ONNX bytes of a wished size. Reads the card only, until the graph is asked for.

    An .onnx file has one size; for another, the .safetensors file of the same weights is used where it lies beside it.
    Raises ModelError on an unreadable file, EngineError on a size that cannot be had.
    """

    def __init__(self, path: Path | str, size: tuple[int, int] | None = None) -> None:
        self.path = Path(path)
        self.card: ModelCard = read_card(self.path)
        self.size = size or self.card.input_size
        if self.path.suffix == ".onnx" and self.size != self.card.input_size:
            self.path = self._weights()
        self.is_onnx = self.path.suffix == ".onnx"

    def _weights(self) -> Path:
        beside = self.path.with_suffix(".safetensors")
        if beside.is_file() and read_card(beside).digest == self.card.digest:
            return beside
        has, wanted = ("{}x{}".format(*size) for size in (self.card.input_size, self.size))
        raise EngineError(
            f"{self.path} is a graph for {has} images, not {wanted}: run `enet_ros export --size {wanted}`, "
            f"or put the model's .safetensors file beside it"
        )

    def digest(self) -> str:
        """What the graph's content is known by: of the tensors, or of the ONNX file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest() if self.is_onnx else self.card.digest

    def onnx(self, options: GraphOptions) -> bytes:
        """The graph as a serialised ONNX model; an .onnx file is what it is, whatever the options."""
        if self.is_onnx:
            return self.path.read_bytes()
        try:
            from enet_ros.engines import graph  # imports onnx, which a cached engine does without
        except ModuleNotFoundError as error:
            raise EngineError(f"building the graph of {self.path} needs the onnx package: pip install onnx") from error
        data: bytes = graph.build(load(self.path), self.size, options).SerializeToString()
        return data
