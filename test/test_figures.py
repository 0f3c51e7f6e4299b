from __future__ import annotations

import math

import numpy as np
import pytest

from enet_ros.errors import ConfigError
from enet_ros.figures import finite_or_none, parse_size, percent, percentiles, size_text


def test_json_gets_none_for_what_it_cannot_write() -> None:
    assert [finite_or_none(v) for v in (0.5, math.nan, math.inf, -math.inf)] == [0.5, None, None, None]
    assert type(finite_or_none(np.float64(0.5))) is float


def test_percent() -> None:
    assert [percent(v) for v in (0.6123, 0.0, 1.0, math.nan, None)] == ["61.2", "0.0", "100.0", "-", "-"]
    assert percent(0.61237, 3) == "61.237"
    assert percent(math.nan, missing="n/a") == "n/a"


def test_percentiles_of_what_is_finite() -> None:
    assert percentiles([3.0, math.nan, 1.0, 2.0, math.inf], 0, 50, 100) == (1.0, 2.0, 3.0)
    assert all(math.isnan(value) for value in percentiles([math.nan], 50, 99))


def test_sizes_as_text_are_width_by_height() -> None:
    assert parse_size("--size", "480x360") == (360, 480)
    assert size_text((360, 480)) == "480x360"
    assert parse_size("--size", "1920X1080") == (1080, 1920)


@pytest.mark.parametrize("text", ["480", "480x", "x360", "480x360x3", "480*360", "-480x360", "0x360", "480x36.0", ""])
def test_another_shape_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="write WIDTHxHEIGHT, such as 480x360") as raised:
        parse_size("--sizes", text)
    assert str(raised.value).startswith(f"--sizes {text}: ")
