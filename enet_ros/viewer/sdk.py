"""The one import of rerun-sdk."""

from __future__ import annotations

import importlib
from typing import Any

from enet_ros.errors import ConfigError

REQUIREMENT = "rerun-sdk==0.41.0"
"""Also in requirements/view.txt. A viewer and an SDK of different versions need not understand each other."""


def rerun(module: str = "rerun") -> Any:
    """A module of the SDK. Raises ConfigError where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"viewing needs {REQUIREMENT} ({error}): pip install {REQUIREMENT}") from error
