from __future__ import annotations

import math

import numpy as np

from enet_ros.figures import finite_or_none, percent


def test_json_gets_none_for_what_it_cannot_write() -> None:
    assert [finite_or_none(v) for v in (0.5, math.nan, math.inf, -math.inf)] == [0.5, None, None, None]
    assert type(finite_or_none(np.float64(0.5))) is float


def test_percent() -> None:
    assert [percent(v) for v in (0.6123, 0.0, 1.0, math.nan, None)] == ["61.2", "0.0", "100.0", "-", "-"]
    assert percent(0.61237, 3) == "61.237"
    assert percent(math.nan, missing="n/a") == "n/a"
