"""The ONNX Runtime engine: CPU everywhere, CUDA and TensorRT where its GPU build is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime as ort

from enet_ros.arrays import U8
from enet_ros.engines import cache
from enet_ros.engines.base import Engine, EngineInfo, EngineOptions, Inference, chosen_precision
from enet_ros.engines.graph import EXPORT
from enet_ros.engines.source import GraphSource
from enet_ros.errors import EngineError

RUNTIME = f"ONNX Runtime {ort.__version__}"

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
"""The devices of this engine, and ONNX Runtime's execution provider for each."""


class OnnxRuntimeEngine(Engine):
    """One session; a run computes what the outputs asked for need, no more."""

    def __init__(self, path: Path | str, options: EngineOptions = EngineOptions()) -> None:
        """Raises ModelError on a bad model, EngineError where ONNX Runtime refuses it, the device or the precision."""
        source = GraphSource(path, options.size)
        device = _device(options.device)
        able = ["fp32"] if device == "cpu" else ["fp16", "fp32"]
        what = f"the onnxruntime engine on {device}"
        if source.is_onnx:
            able, what = [source.precision], str(source.path)
        precision = chosen_precision(options.precision, able, what)
        self._session: Any = _session(source, device, precision, options)
        self._only_needed = ort.RunOptions()
        self._only_needed.only_execute_path_to_fetches = True
        super().__init__(EngineInfo("onnxruntime", RUNTIME, device, precision, source.size, options.threads))

    def _run(self, image: U8, confidence: bool) -> Inference:
        outputs = ["labels", "confidence"] if confidence else ["labels"]
        labels, *rest = self._session.run(outputs, {"image": image[None]}, self._only_needed)
        return Inference(labels, rest[0] if confidence else None)

    def _free(self) -> None:
        del self._session


def _session(source: GraphSource, device: str, precision: str, options: EngineOptions) -> Any:
    settings = ort.SessionOptions()
    settings.log_severity_level = 3
    settings.intra_op_num_threads = options.threads
    providers: list[Any] = [PROVIDERS["cpu"]]
    if device != "cpu":
        providers.insert(0, PROVIDERS["cuda"])
    if device == "tensorrt":
        folder = (options.cache_dir or cache.cache_dir()) / "onnxruntime"
        keep = {"trt_engine_cache_enable": True, "trt_engine_cache_path": str(folder)}
        providers.insert(0, (PROVIDERS["tensorrt"], keep if cache.writable(folder) else {}))
    graph = source.onnx(EXPORT._replace(half=precision == "fp16"))
    try:
        return ort.InferenceSession(graph, settings, providers=providers)
    except Exception as error:  # ONNX Runtime's exceptions have no common base
        raise EngineError(f"{RUNTIME} refused the graph of {source.path}: {error}") from error


def _device(wanted: str) -> str:
    """The device to use; "auto" is CUDA where this build has it."""
    available = set(ort.get_available_providers())
    if wanted == "auto":
        return "cuda" if PROVIDERS["cuda"] in available else "cpu"
    if PROVIDERS.get(wanted) not in available:
        known = ", ".join(name for name, provider in PROVIDERS.items() if provider in available)
        raise EngineError(f"this ONNX Runtime has no device {wanted!r}; use one of {known}, or install onnxruntime-gpu")
    return wanted
