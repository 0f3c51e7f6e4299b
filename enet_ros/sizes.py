"""Image sizes as people write them, width x height (`480x360`), and as arrays have them, (height, width)."""

from __future__ import annotations

import re

from enet_ros.errors import ConfigError


def parse_size(option: str, text: str) -> tuple[int, int]:
    """(height, width) in pixels of "480x360"; `option` is named in the ConfigError that another text raises."""
    match = re.fullmatch(r"([1-9][0-9]*)x([1-9][0-9]*)", text.strip().lower())
    if match is None:
        raise ConfigError(f"{option} {text}: write WIDTHxHEIGHT, such as 480x360")
    return int(match[2]), int(match[1])


def size_text(size: tuple[int, int]) -> str:
    """ "480x360" of (height, width) = (360, 480)."""
    return f"{size[1]}x{size[0]}"
