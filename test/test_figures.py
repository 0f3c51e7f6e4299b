from __future__ import annotations

import math

import numpy as np

from enet_ros.figures import finite_or_none, percent, percentiles


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
