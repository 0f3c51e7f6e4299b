"""Writes an ONNX graph node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper


class OnnxWriter:
    """Collects nodes and constants; every method returns the name of the tensor it makes."""

    def __init__(self) -> None:
        self.float: npt.DTypeLike = np.float32
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def op(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """One operator with one output, which may be given a name."""
        name = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"{name}_node", **attributes))
        return name

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

    def slices(self, x: str, axes: tuple[int, ...], starts: tuple[int, ...], stops: tuple[int, ...]) -> str:
        """x[start:stop] along several axes."""
        steps = (1,) * len(axes)
        return self.op("Slice", x, *(self.constant(v, np.int64) for v in (starts, stops, axes, steps)))

    def split(self, x: str, axis: int, sizes: tuple[int, ...]) -> list[str]:
        """Cut one axis into pieces."""
        inputs, base = [x, self.constant(sizes, np.int64)], f"split_{len(self.nodes)}"
        names = [f"{base}_{i}" for i in range(len(sizes))]
        self.nodes.append(helper.make_node("Split", inputs, names, name=f"{base}_node", axis=axis))
        return names
