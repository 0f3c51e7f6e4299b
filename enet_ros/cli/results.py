"""What a verb leaves and tells at its end: figures and pages as files, and what went wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
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


def tell_problems(problems: Sequence[str], what: str, shown: int = 5) -> int:
    """Print the first problems to stderr, each as "what: problem", and how many more there are; the exit code."""
    for problem in problems[:shown]:
        print(f"enet_ros: {what}: {problem}", file=sys.stderr)
    if len(problems) > shown:
        print(f"enet_ros: and {len(problems) - shown} more", file=sys.stderr)
    return 1 if problems else 0
