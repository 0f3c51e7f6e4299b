"""Sizes as text are width x height, as arrays (height, width)."""

from __future__ import annotations

import pytest

from enet_ros.errors import ConfigError
from enet_ros.sizes import parse_size, size_text


def test_there_and_back() -> None:
    assert parse_size("--size", "480x360") == (360, 480)
    assert size_text((360, 480)) == "480x360"
    assert parse_size("--size", "1920X1080") == (1080, 1920)


@pytest.mark.parametrize("text", ["480", "480x", "x360", "480x360x3", "480*360", "-480x360", "0x360", "480x36.0", ""])
def test_another_shape_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="write WIDTHxHEIGHT, such as 480x360") as raised:
        parse_size("--sizes", text)
    assert str(raised.value).startswith(f"--sizes {text}: ")
