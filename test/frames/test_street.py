from __future__ import annotations

import numpy as np
import pytest

from enet_ros.errors import ConfigError
from enet_ros.frames.street import from_street
from enet_ros.street import Street


def test_the_street_with_its_camera() -> None:
    source = from_street(2, width=64, height=48)
    assert [frame.rgb.shape for frame in source] == [(48, 64, 3)] * 2
    assert source.calibration is not None and source.calibration.width == 64
    assert source.pose is not None and source.pose.height_m == 1.5
    assert source.name == source.place == "synthetic street 0"


def test_every_tenth_frame_at_its_own_time() -> None:
    street = Street(3, 64, 48)
    source = from_street(2, 3, step=10, width=64, height=48)
    first, second = source
    assert (first.name, second.name) == ("000000", "000010")
    assert (first.stamp_ns, second.stamp_ns) == (round(1e9 / 30), round(11e9 / 30))
    assert (first.rgb != second.rgb).mean() > 0.2, "the street moves"
    assert source.rate_hz == 3.0 and source.total == 2 and source.table is street.table
    np.testing.assert_array_equal(second.rgb, street.frame(10).image)
    np.testing.assert_array_equal(second.truth, street.frame(10).labels)


def test_no_frame_is_refused() -> None:
    with pytest.raises(ConfigError, match="0 frames of the synthetic street: use 1 or more"):
        from_street(0)
