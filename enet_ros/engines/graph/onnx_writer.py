"""A few words with which an ONNX graph is written node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
"""Opset that TensorRT 8.5 (JetPack 6) and every later runtime read."""
IR_VERSION = 8


class OnnxWriter:
    """Collects nodes and constants; every method returns the name of the tensor it makes."""

    def __init__(self) -> None:
        self.float: npt.DTypeLike = np.float32
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def op(self, kind: str, *inputs: str, outputs: int = 1, name: str = "", **attributes: Any) -> str:
        """One operator; with several outputs, their names are returned joined as `split` needs them."""
        base = name or f"{kind.lower()}_{len(self.nodes)}"
        names = [base] if outputs == 1 else [f"{base}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"{base}_node", **attributes))
        return names[0] if outputs == 1 else " ".join(names)

    def constant(self, array: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> str:
        """A constant, of the graph's float type by default; equal ones are stored once."""
        values = np.array(array, dtype or self.float, order="C")
        key = (values.dtype.str, values.shape, values.tobytes())
        if key not in self._known:
            self._known[key] = f"c{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(values, self._known[key]))
        return self._known[key]

    def scalar(self, value: float) -> str:
        """A float that broadcasts over (1, C, H, W)."""
        return self.constant([[[[value]]]])

    def cast(self, x: str, to: int) -> str:
        """Convert to another element type (a TensorProto constant)."""
        return self.op("Cast", x, to=to)

    def half(self, x: str) -> str:
        """Convert to float16, as all constants are from here on."""
        self.float = np.float16
        return self.cast(x, TensorProto.FLOAT16)

    def reshape(self, x: str, *shape: int) -> str:
        """Reshape to a static shape."""
        return self.op("Reshape", x, self.constant(shape, np.int64))

    def slices(
        self, x: str, axes: tuple[int, ...], starts: tuple[int, ...], stops: tuple[int, ...], steps: tuple[int, ...]
    ) -> str:
        """x[start:stop:step] along several axes."""
        return self.op("Slice", x, *(self.constant(v, np.int64) for v in (starts, stops, axes, steps)))

    def split(self, x: str, axis: int, sizes: tuple[int, ...]) -> list[str]:
        """Cut one axis into pieces."""
        return self.op("Split", x, self.constant(sizes, np.int64), outputs=len(sizes), axis=axis).split(" ")

    def model(
        self,
        name: str,
        inputs: dict[str, tuple[int, tuple[int, ...]]],
        outputs: dict[str, tuple[int, tuple[int, ...]]],
        metadata: dict[str, str],
    ) -> onnx.ModelProto:
        """The finished graph; inputs and outputs are name -> (element type, static shape)."""

        def infos(values: dict[str, tuple[int, tuple[int, ...]]]) -> list[onnx.ValueInfoProto]:
            return [helper.make_tensor_value_info(k, kind, shape) for k, (kind, shape) in values.items()]

        graph = helper.make_graph(self.nodes, name, infos(inputs), infos(outputs), self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="enet_ros"
        )
        helper.set_model_props(model, metadata)
        return model


__all__ = ["IR_VERSION", "OPSET", "OnnxWriter", "TensorProto"]
