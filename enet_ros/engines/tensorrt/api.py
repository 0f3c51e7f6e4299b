"""The installed TensorRT: TensorRT 10 or 11, else TensorRT for RTX, which has the same Python API under another name.

Importing this module imports it (ImportError where there is none). Types are held to TensorRT 10's.
"""

from __future__ import annotations

import importlib
import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING

from enet_ros.engines import ENGINES
from enet_ros.engines.tensorrt.plan import Api, describe

if TYPE_CHECKING:
    import tensorrt as trt
else:
    # type stubs make folders of these names: they have no file to run
    _packages = ENGINES["tensorrt"].packages
    _found = next((name for name in _packages if (spec := find_spec(name)) and spec.origin), None)
    if _found is None:
        raise ImportError(f"none of {', '.join(_packages)} is installed")
    trt = importlib.import_module(_found)

__all__ = ["Log", "api", "trt"]

log = logging.getLogger(__name__)


def api() -> Api:
    """The abilities of the installed TensorRT. Raises EngineError where it is too old."""
    flags = [name for name in vars(trt.BuilderFlag) if name.isupper()]
    return describe(trt.__name__, str(trt.__version__), flags, hasattr(trt, "IInt8EntropyCalibrator2"))


class Log(trt.ILogger):
    """TensorRT's messages in Python's log, one level lower: it warns of what users cannot change. Keeps the errors."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.errors: list[str] = []

    def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
        """Called by TensorRT."""
        if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
            self.errors.append(msg)
            log.debug("TensorRT: %s", msg)
        elif severity == trt.ILogger.WARNING:
            log.info("TensorRT: %s", msg)
        else:
            log.debug("TensorRT: %s", msg)

    def reason(self) -> str:
        """The first thing that went wrong; what follows is its echo."""
        return self.errors[0] if self.errors else "TensorRT gave no reason"
