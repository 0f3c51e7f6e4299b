"""No telemetry: no runtime may look up a host, send anything, or write identifiers below $HOME."""

from __future__ import annotations

import os
import sys


def switch_off() -> None:
    """For this process, and by the environment for those it starts; to be called before a runtime is imported.

    OpenVINO sends an event of its import to an analytics host through the package openvino_telemetry, without which it
    does nothing. ONNX Runtime keeps a device id and a database of events under ~/.cache/Microsoft, and sends them.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # an import of it fails, as if not installed
