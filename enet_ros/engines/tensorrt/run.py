"""Runs a built TensorRT engine, with buffers and a stream of its own and all work on an image as one CUDA graph."""

from __future__ import annotations

import logging
from typing import Any

from enet_ros.arrays import U8
from enet_ros.engines.base import Inference
from enet_ros.engines.tensorrt.build import Log, installed, trt
from enet_ros.engines.tensorrt.cuda import Cuda
from enet_ros.errors import EngineError

log = logging.getLogger(__name__)


def deserialise(plan: bytes, logger: Log) -> tuple[trt.Runtime, trt.ICudaEngine]:
    """An engine from its bytes, with the runtime it lives in. Raises EngineError where TensorRT refuses them."""
    runtime = trt.Runtime(logger)
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise EngineError(f"{installed()} refuses the engine: {logger.reason()}")
    return runtime, engine


class Session:
    """One engine on one GPU. One thread at a time may use it."""

    def __init__(self, plan: bytes, size: tuple[int, int], cuda: Cuda, device: int) -> None:
        """Raises EngineError where the engine is refused or memory is short."""
        self._cuda, self._device = cuda, device
        self._host: dict[str, U8] = {}
        self._memory: dict[str, int] = {}
        self._graphs: dict[bool, Any] = {}
        self._capture = True
        self._stream: Any = None
        self._logger = Log()
        try:
            self._open(plan, size)
        except EngineError:
            self.close()
            raise

    def _open(self, plan: bytes, size: tuple[int, int]) -> None:
        self._runtime, self._engine = deserialise(plan, self._logger)
        self._stream = self._cuda("StreamCreateWithFlags", self._cuda.runtime.cudaStreamNonBlocking)
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise EngineError(f"{installed()} cannot make room for the engine: {self._logger.reason()}")
        for name, shape in {"image": (1, *size, 3), "labels": size, "confidence": size}.items():
            self._host[name] = self._cuda.pinned(shape)
            self._memory[name] = int(self._cuda("Malloc", self._host[name].nbytes))
            self._context.set_tensor_address(name, self._memory[name])

    def run(self, image: U8, confidence: bool) -> Inference:
        """Labels, and confidence where asked for, of one image of the engine's size."""
        cuda = self._cuda
        cuda("SetDevice", self._device)  # CUDA keeps it by thread
        self._host["image"][0] = image
        graph = self._graph(confidence)
        if graph is None:
            self._enqueue(confidence)
        else:
            cuda("GraphLaunch", graph, self._stream)
        cuda("StreamSynchronize", self._stream)
        labels = self._host["labels"].copy()
        return Inference(labels, self._host["confidence"].copy() if confidence else None)

    def _enqueue(self, confidence: bool) -> None:
        """Copy in, compute, copy out, all in the stream."""
        cuda, stream = self._cuda, self._stream
        cuda.to_device(self._memory["image"], self._host["image"], stream)
        if not self._context.execute_async_v3(int(stream)):
            raise EngineError(f"{installed()} failed on an image: {self._logger.reason()}")
        for name in ("labels", "confidence") if confidence else ("labels",):
            cuda.to_host(self._host[name], self._memory[name], stream)

    def _graph(self, confidence: bool) -> Any:
        """The recorded work of one image, or None where it cannot be recorded."""
        if self._capture and confidence not in self._graphs:
            self._enqueue(confidence)  # what TensorRT does only the first time must not be recorded
            self._cuda("StreamSynchronize", self._stream)
            try:
                self._graphs[confidence] = self._record(confidence)
            except EngineError as error:
                log.warning("cannot record a CUDA graph (%s); kernels are launched one by one", error)
                self._capture = False
        return self._graphs.get(confidence)

    def _record(self, confidence: bool) -> Any:
        cuda = self._cuda
        mode = cuda.runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        cuda("StreamBeginCapture", self._stream, mode)
        try:
            self._enqueue(confidence)
        except EngineError:
            cuda.runtime.cudaStreamEndCapture(self._stream)  # leaves the stream usable; its error is the same
            raise
        graph = cuda("StreamEndCapture", self._stream)
        recorded = cuda("GraphInstantiate", graph, 0)
        cuda("GraphDestroy", graph)
        return recorded

    def close(self) -> None:
        """Free everything; may be called after a failed start, too."""
        cuda = self._cuda
        cuda("SetDevice", self._device)
        for graph in self._graphs.values():
            cuda("GraphExecDestroy", graph)
        self._graphs.clear()
        for name in ("_context", "_engine", "_runtime"):  # in this order
            vars(self).pop(name, None)
        while self._host:
            cuda.free_pinned(self._host.popitem()[1])
        while self._memory:
            cuda("Free", self._memory.popitem()[1])
        if self._stream is not None:
            cuda("StreamDestroy", self._stream)
            self._stream = None
