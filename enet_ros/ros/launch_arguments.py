"""What the launch files share: reading the values of arguments, and refusing unknown arguments."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable

from enet_ros.errors import ConfigError, unknown_name


def flag(name: str, text: str) -> bool:
    """true or false in any case, as ROS reads them. Raises ConfigError for anything else."""
    if text.lower() not in ("true", "false"):
        raise ConfigError(f"{name} is {text!r}: give true or false")
    return text.lower() == "true"


def number(name: str, text: str, kind: type[int] | type[float]) -> float:
    """Raises ConfigError where the text is not a number of that kind."""
    try:
        return kind(text)
    except ValueError:
        raise ConfigError(f"{name} is {text!r}: give {'an integer' if kind is int else 'a number'}") from None


def refuse_unknown(launch_file: str, known: Iterable[str]) -> None:
    """Raise ConfigError for an argument of `ros2 launch` that this launch file does not declare; launch ignores it.

    Where another file includes this one, the command line's arguments are that file's, and nothing is checked.
    """
    base = os.path.basename(launch_file)
    position = next((i for i, text in enumerate(sys.argv) if os.path.basename(text) == base), None)
    if position is None:
        return
    names = set(known)
    for text in sys.argv[position + 1 :]:
        given = re.match(r"(\w+):=", text)
        if given and given[1] not in names:
            raise ConfigError(unknown_name("launch argument", given[1], sorted(names)))
