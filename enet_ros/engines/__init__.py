"""Inference engines: one protocol, a file for each runtime, and `create`, which picks the fastest that works here."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from enet_ros.engines import telemetry
from enet_ros.engines.base import PRECISIONS, Engine, EngineInfo, EngineOptions, Inference
from enet_ros.errors import ConfigError, EngineError, ModelError

__all__ = ["ENGINES", "Engine", "EngineInfo", "EngineOptions", "Inference", "create"]

log = logging.getLogger(__name__)

telemetry.switch_off()  # whatever imports a runtime imports this room first


class _Backend(NamedTuple):
    """Where an engine's class is, which packages it needs (the first that is there), and how to get one."""

    module: str
    cls: str
    packages: tuple[str, ...]
    install: str


ENGINES = {
    "tensorrt": _Backend(
        "tensorrt.engine",
        "TensorRtEngine",
        ("tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings"),
        "pip install tensorrt",
    ),
    "openvino": _Backend("openvino", "OpenVinoEngine", ("openvino",), "pip install openvino"),
    "onnxruntime": _Backend("onnxruntime", "OnnxRuntimeEngine", ("onnxruntime",), "pip install onnxruntime"),
    "pytorch": _Backend("pytorch", "PyTorchEngine", ("torch",), "pip install torch"),
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
    compile: bool = False,
    cache_dir: Path | None = None,
) -> Engine:
    """An engine with a model in it, warmed up.

    name        "openvino", "onnxruntime", "pytorch", "tensorrt", or "auto": the fastest that works here; the log says
                which, and why the others were passed over
    model_path  .safetensors or .onnx
    size        (height, width) of its images; the card's by default
    precision   "fp32", "fp16", "bf16", "int8"; "auto" is the fastest that keeps the labels: fp32 on CPUs, fp16 on GPUs
    threads     CPU threads; 0 is all cores
    confidence  prepare `infer(..., confidence=True)` now; otherwise the first such call takes longer
    device      the runtime's name of a device ("cpu", "cuda", OpenVINO's "GPU"); "auto" is the best there is
    compile     torch.compile (pytorch only)
    cache_dir   where compiled engines are kept; $XDG_CACHE_HOME/enet_ros by default

    Raises ConfigError on an unknown name or precision, ModelError on a bad model file, EngineError where the engine
    does not work here, or with "auto" none does.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"there is no precision {precision!r}; use one of {', '.join(PRECISIONS)}")
    options = EngineOptions(size, precision, threads, confidence, device, compile, cache_dir)
    if name == "auto":
        return _fastest(model_path, options)
    if name not in ENGINES:
        raise ConfigError(f"there is no engine {name!r}; use auto or one of {', '.join(ENGINES)}")
    return _open(name, model_path, options)


def _open(name: str, path: Path | str, options: EngineOptions) -> Engine:
    backend = ENGINES[name]
    if not any(find_spec(package) for package in backend.packages):
        raise EngineError(f"the {name} engine needs {' or '.join(backend.packages)}: {backend.install}")
    try:
        module = importlib.import_module(f"enet_ros.engines.{backend.module}")
    except ImportError as error:
        raise EngineError(f"the {name} engine cannot be imported ({error}): {backend.install}") from error
    make: Callable[[Path | str, EngineOptions], Engine] = getattr(module, backend.cls)
    return make(path, options)


def _fastest(path: Path | str, options: EngineOptions) -> Engine:
    """The first engine that opens the model; what failed before it goes to the log."""
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
            expected = other == "tensorrt" and not _nvidia_gpu()
            log.log(logging.DEBUG if expected else logging.INFO, "engine passed over: %s: %s", other, reason)
        info = engine.info
        log.info(
            "engine %s: %s on %s, %s, ready in %.0f ms", name, info.runtime, info.device, info.precision, info.load_ms
        )
        return engine
    raise EngineError("no inference engine works here:\n  " + "\n  ".join(": ".join(pair) for pair in passed_over))


def _nvidia_gpu() -> bool:
    """Whether there is a device node of NVIDIA's driver: of Linux, of a Jetson, of WSL."""
    return any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/nvgpu", "/dev/dxg"))
