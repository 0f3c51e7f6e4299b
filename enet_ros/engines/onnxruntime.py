"""The ONNX Runtime engine: CPU everywhere, CUDA and TensorRT where its GPU build is installed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from enet_ros.engines.base import EngineBase, EngineInfo, EngineOptions, Image, Inference
from enet_ros.engines.options import ONNXRUNTIME
from enet_ros.engines.source import GraphSource
from enet_ros.errors import EngineError

RUNTIME = f"ONNX Runtime {ort.__version__}"

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
"""The devices this engine knows, by ONNX Runtime's execution provider."""


class OnnxRuntimeEngine(EngineBase):
    """One session for labels and, when first asked for, one for labels and confidence; input and outputs are bound."""

    def __init__(self, path: Path | str, options: EngineOptions = EngineOptions()) -> None:
        """Raises ModelError on a bad model, EngineError where ONNX Runtime refuses it, the device or the precision."""
        started = time.perf_counter()
        if options.precision not in ("auto", "fp32", "int8"):
            raise EngineError(
                f"the onnxruntime engine computes in fp32, not {options.precision}; use precision fp32 or int8"
            )
        self._options = options
        self._source = GraphSource(path, options.size)
        self._device = _device(options.device)
        self._sessions: dict[bool, Any] = {}
        self._warm_up(options.confidence)
        super().__init__(
            EngineInfo(
                "onnxruntime", RUNTIME, self._device, "fp32", self._source.size, options.threads,
                (time.perf_counter() - started) * 1e3,
            )
        )  # fmt: skip

    def _warm_up(self, confidence: bool) -> None:
        self._run(np.zeros((*self._source.size, 3), np.uint8), confidence)

    def _session(self, confidence: bool) -> Any:
        if confidence in self._sessions:
            return self._sessions[confidence]
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = self._options.threads
        providers: list[Any] = [PROVIDERS["cpu"]]
        if self._device != "cpu":
            providers.insert(0, PROVIDERS[self._device])
        try:
            session = ort.InferenceSession(self._source.onnx(ONNXRUNTIME), options, providers=providers)
        except Exception as error:  # ONNX Runtime's exceptions have no common base
            raise EngineError(f"{RUNTIME} refused the graph of {self._source.path}: {error}") from error
        self._sessions[confidence] = session
        return session

    def _run(self, image: Image, confidence: bool) -> Inference:
        session = self._session(confidence)
        names = ["labels", "confidence"] if confidence else ["labels"]
        outputs = session.run(names, {"image": image[None]})
        return Inference(outputs[0], outputs[1] if confidence else None)

    def _free(self) -> None:
        self._sessions.clear()


def _device(wanted: str) -> str:
    """The device to use; "auto" is CUDA where this build has it."""
    available = set(ort.get_available_providers())
    if wanted == "auto":
        return "cuda" if PROVIDERS["cuda"] in available else "cpu"
    if PROVIDERS.get(wanted) not in available:
        known = ", ".join(name for name, provider in PROVIDERS.items() if provider in available)
        raise EngineError(f"this ONNX Runtime has no device {wanted!r}; use one of {known}, or install onnxruntime-gpu")
    return wanted
