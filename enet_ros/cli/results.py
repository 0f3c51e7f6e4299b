"""Figures and pages that a verb leaves as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from enet_ros import files
from enet_ros.figures import finite_or_none


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write strict JSON: a figure that is not finite is null."""
    plain = {k: finite_or_none(v) if isinstance(v, float) else v for k, v in values.items()}
    write(path, json.dumps(plain, indent=2, allow_nan=False) + "\n")


def write(path: Path, text: str) -> None:
    """Write a file in one step, its folder too, and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, text)
    print(f"wrote {path}")
