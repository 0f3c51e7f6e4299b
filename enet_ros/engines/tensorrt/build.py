"""The installed TensorRT, and building engines from ONNX with it, with the progress in the log.

It is TensorRT 10 or 11, else TensorRT for RTX, which has the same Python API under another name. Importing this module
imports it (ImportError where there is none). Types are those of TensorRT 10.
"""

from __future__ import annotations

import importlib
import logging
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from enet_ros.engines import ENGINES
from enet_ros.engines.tensorrt import Release, release_of
from enet_ros.errors import EngineError

if TYPE_CHECKING:
    import tensorrt as trt
else:
    # type stubs make folders of these names: they have no file to run
    _packages = ENGINES["tensorrt"].packages
    _found = next((name for name in _packages if (spec := find_spec(name)) and spec.origin), None)
    if _found is None:
        raise ImportError(f"none of {', '.join(_packages)} is installed")
    trt = importlib.import_module(_found)

__all__ = ["Log", "build", "installed", "trt"]

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 2.0


def installed() -> Release:
    """The installed release. Raises EngineError where it is too old."""
    return release_of(trt.__name__, str(trt.__version__))


class Log(trt.ILogger):
    """TensorRT's messages in Python's log, one level lower: it warns of what users cannot change. Keeps the errors."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.errors: list[str] = []

    def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
        """Called by TensorRT."""
        if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
            self.errors.append(msg)
        log.log(logging.INFO if severity == trt.ILogger.WARNING else logging.DEBUG, "TensorRT: %s", msg)

    def reason(self) -> str:
        """The first thing that went wrong; what follows is its echo."""
        return self.errors[0] if self.errors else "TensorRT gave no reason"


class Monitor(trt.IProgressMonitor):
    """The builder's nested phases as a line in the log now and then; Ctrl-C stops the build at the next step."""

    def __init__(self) -> None:
        trt.IProgressMonitor.__init__(self)
        self._steps: dict[str, int] = {}
        self._last = time.monotonic()
        self.interrupted = False

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        """Called by TensorRT."""
        self._steps[phase_name] = num_steps

    def step_complete(self, phase_name: str, step: int) -> bool:
        """Called by TensorRT, with the step's number from 0; False stops the build."""
        try:
            now = time.monotonic()
            if now - self._last >= SECONDS_BETWEEN_LINES:
                self._last = now
                outer = [name for name in self._steps if name != phase_name]
                log.info("building: %s", " > ".join([*outer, f"{phase_name} {step + 1}/{self._steps[phase_name]}"]))
        except KeyboardInterrupt:  # must not travel through TensorRT
            self.interrupted = True
        return not self.interrupted

    def phase_finish(self, phase_name: str) -> None:
        """Called by TensorRT."""
        self._steps.pop(phase_name, None)


def parse(onnx: bytes, builder: trt.Builder, logger: Log) -> trt.INetworkDefinition:
    """The network of an ONNX model. Raises EngineError with the parser's words where it refuses it."""
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx):
        errors = "; ".join(str(parser.get_error(i)) for i in range(parser.num_errors))
        raise EngineError(f"{installed()} cannot read the graph: {errors or logger.reason()}")
    return network


def build(onnx: bytes, precision: str) -> bytes:
    """A serialised engine. TensorRT needs the GPU it is for; TensorRT for RTX builds without one.

    precision  what the graph computes in
    Raises EngineError where the graph is refused, KeyboardInterrupt where the build was interrupted.
    """
    started = time.monotonic()
    logger, monitor = Log(), Monitor()
    builder = trt.Builder(logger)
    if not builder:  # a null pointer of C++
        raise EngineError(f"{installed()} cannot start here: {logger.reason()}")
    network = parse(onnx, builder, logger)
    config = builder.create_builder_config()
    config.progress_monitor = monitor
    if precision == "fp32":  # TensorFloat-32 has ten bits of mantissa
        config.clear_flag(trt.BuilderFlag.TF32)
    log.info("%s builds an engine of %d layers in %s", installed(), network.num_layers, precision)
    serialised = builder.build_serialized_network(network, config)
    if monitor.interrupted:
        raise KeyboardInterrupt
    if serialised is None:
        raise EngineError(f"{installed()} cannot build an engine of the graph: {logger.reason()}")
    log.info("built in %.1f s: %d KiB", time.monotonic() - started, serialised.nbytes >> 10)
    return bytes(memoryview(serialised))
