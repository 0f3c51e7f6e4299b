"""Inference engines: one interface, a file or folder for each runtime, and `create`, which opens the fastest."""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from enet_ros.engines.base import PRECISIONS, Engine, EngineInfo, EngineOptions, Inference
from enet_ros.errors import ConfigError, EngineError, ModelError

__all__ = ["ENGINES", "Engine", "EngineInfo", "EngineOptions", "Inference", "create"]

log = logging.getLogger(__name__)

# No telemetry, in this process and in those it starts. Whatever imports a runtime imports this package first.
# ONNX Runtime keeps a device id and a database of events under ~/.cache/Microsoft, and sends them.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# OpenVINO reports its import to an analytics host through this package, without which it does nothing. Importing it
# fails from here on, as if it were not installed.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


class _Backend(NamedTuple):
    """The module and class of an engine, and the packages of which it needs one; pip installs the first."""

    module: str
    cls: str
    packages: tuple[str, ...]


ENGINES = {
    "tensorrt": _Backend("tensorrt", "TensorRtEngine", ("tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings")),
    "openvino": _Backend("openvino", "OpenVinoEngine", ("openvino",)),
    "onnxruntime": _Backend("onnxruntime", "OnnxRuntimeEngine", ("onnxruntime",)),
    "pytorch": _Backend("pytorch", "PyTorchEngine", ("torch",)),
}
"""The engines, fastest first, as measured in docs/engines.md; "auto" tries them in this order."""


def create(
    name: str,
    model_path: Path | str,
    *,
    size: tuple[int, int] | None = None,
    precision: str = "auto",
    threads: int = 0,
    confidence: bool = False,
    device: str = "auto",
    cache_dir: Path | None = None,
) -> Engine:
    """An engine with a model in it, warmed up.

    name        "openvino", "onnxruntime", "pytorch", "tensorrt", or "auto": the fastest that works here; the log says
                which, and why the others were passed over
    model_path  .safetensors or .onnx; for tensorrt also .engine
    size        (height, width) of its images; the card's by default
    precision   "fp32", "fp16", "bf16", "int8"; "auto" is the fastest that keeps the labels: fp16 on GPUs; on CPUs fp32,
                or OpenVINO's bf16 where the CPU has it and the model's card says that it keeps them
    threads     CPU threads; 0 is all cores
    confidence  prepare `infer(..., confidence=True)` now; otherwise the first such call takes longer
    device      the runtime's name of a device ("cpu", "cuda", OpenVINO's "GPU"); "auto" is the best there is
    cache_dir   where compiled engines are kept; $XDG_CACHE_HOME/enet_ros by default

    Raises ConfigError on an unknown name or precision, ModelError on a bad model file, EngineError where the engine
    does not work here, or with "auto" none does.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"there is no precision {precision!r}; use one of {', '.join(PRECISIONS)}")
    options = EngineOptions(size, precision, threads, confidence, device, cache_dir)
    if name == "auto":
        return _fastest(model_path, options)
    if name not in ENGINES:
        raise ConfigError(f"there is no engine {name!r}; use auto or one of {', '.join(ENGINES)}")
    return _open(name, model_path, options)


def _open(name: str, path: Path | str, options: EngineOptions) -> Engine:
    """The engine of a name, warmed up: its first inference compiles and allocates."""
    started = time.perf_counter()
    backend = ENGINES[name]
    install = f"pip install {backend.packages[0]}"
    if not any(find_spec(package) for package in backend.packages):
        raise EngineError(f"the {name} engine needs {' or '.join(backend.packages)}: {install}")
    try:
        module = importlib.import_module(f"enet_ros.engines.{backend.module}")
    except ImportError as error:
        raise EngineError(f"the {name} engine cannot be imported ({error}): {install}") from error
    make: Callable[[Path | str, EngineOptions], Engine] = getattr(module, backend.cls)
    engine = make(path, options)
    try:
        engine.infer(np.zeros((*engine.info.size, 3), np.uint8), confidence=options.confidence)
    except EngineError:
        engine.close()
        raise
    engine.info = engine.info._replace(load_ms=(time.perf_counter() - started) * 1e3)
    return engine


def _fastest(path: Path | str, options: EngineOptions) -> Engine:
    """The first engine that opens the model; those that failed before it are logged."""
    passed_over = []
    for name in ENGINES:
        try:
            engine = _open(name, path, options)
        except ModelError:
            raise  # the same for every engine
        except EngineError as error:
            passed_over.append((name, str(error)))
            continue
        for other, reason in passed_over:
            expected = other == "tensorrt" and not has_nvidia_driver()
            log.log(logging.DEBUG if expected else logging.INFO, "engine passed over: %s: %s", other, reason)
        info = engine.info
        log.info(
            "engine %s: %s on %s, %s, ready in %.0f ms", name, info.runtime, info.device, info.chosen, info.load_ms
        )
        return engine
    raise EngineError("no inference engine works here:\n  " + "\n  ".join(": ".join(pair) for pair in passed_over))


def has_nvidia_driver() -> bool:
    """Whether NVIDIA's driver is installed; takes no time where it is not."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True
