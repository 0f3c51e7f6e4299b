"""The ONNX Runtime engine: CPU everywhere, CUDA and TensorRT where its GPU build is installed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from enet_ros.arrays import U8
from enet_ros.engines import cache
from enet_ros.engines.base import EngineBase, EngineInfo, EngineOptions, Inference
from enet_ros.engines.graph import EXPORT, ONNXRUNTIME
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
    """One session with input and outputs bound; a run computes what the outputs asked for need, no more."""

    def __init__(self, path: Path | str, options: EngineOptions = EngineOptions()) -> None:
        """Raises ModelError on a bad model, EngineError where ONNX Runtime refuses it, the device or the precision."""
        started = time.perf_counter()
        self._source = GraphSource(path, options.size)
        device = _device(options.device)
        precision = _precision(options.precision, device, self._source)
        self._session: Any = _session(self._source, device, precision, options)
        self._only_needed = ort.RunOptions()
        self._only_needed.only_execute_path_to_fetches = True
        self._run(np.zeros((*self._source.size, 3), np.uint8), options.confidence)  # warm up
        load_ms = (time.perf_counter() - started) * 1e3
        size = self._source.size
        super().__init__(EngineInfo("onnxruntime", RUNTIME, device, precision, size, options.threads, load_ms))

    def _run(self, image: U8, confidence: bool) -> Inference:
        binding = self._session.io_binding()
        binding.bind_cpu_input("image", image[None])
        binding.bind_output("labels")
        if confidence:
            self._source.require_confidence([output.name for output in self._session.get_outputs()])
            binding.bind_output("confidence")
        self._session.run_with_iobinding(binding, self._only_needed)
        labels, *rest = binding.copy_outputs_to_cpu()
        return Inference(labels, rest[0] if confidence else None)

    def _free(self) -> None:
        del self._session


def _session(source: GraphSource, device: str, precision: str, options: EngineOptions) -> Any:
    settings = ort.SessionOptions()
    settings.log_severity_level = 3
    settings.intra_op_num_threads = options.threads
    providers: list[Any] = [PROVIDERS["cpu"]]
    form = ONNXRUNTIME
    if device != "cpu":
        form = EXPORT._replace(half=precision == "fp16")
        providers.insert(0, (PROVIDERS["cuda"], {}))
    if device == "tensorrt":
        folder = (options.cache_dir or cache.cache_dir()) / "onnxruntime"
        keep = {"trt_engine_cache_enable": True, "trt_engine_cache_path": str(folder)}
        providers.insert(0, (PROVIDERS["tensorrt"], keep if cache.writable(folder) else {}))
    try:
        return ort.InferenceSession(source.onnx(form), settings, providers=providers)
    except EngineError:
        raise
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


def _precision(wanted: str, device: str, source: GraphSource) -> str:
    """fp32 on a CPU, fp16 on a GPU unless asked otherwise; an .onnx file is what it is."""
    if source.is_onnx:
        source.require_precision(wanted)
        return source.precision
    choices = ("fp32",) if device == "cpu" else ("fp16", "fp32")
    if wanted == "auto":
        return choices[0]
    if wanted not in choices:
        raise EngineError(
            f"the onnxruntime engine has no {wanted} on {device} for {source.path}; use {' or '.join(choices)}"
            + ("; int8 needs a file of `enet_ros export --precision int8`" if wanted == "int8" else "")
        )
    return wanted
