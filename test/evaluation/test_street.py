"""The judge of metres on the synthetic street."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from enet_ros.classes import CAMVID
from enet_ros.errors import ConfigError
from enet_ros.evaluation.metres import STRIDE, StreetJudge
from enet_ros.frames import Source
from enet_ros.frames.street import from_street
from enet_ros.products.occupancy import GridSpec


@pytest.fixture(scope="module")
def source() -> Source:
    return from_street(2, 3, step=STRIDE, width=320, height=240)


def test_exact_labels_are_nearly_right_and_wrong_ones_are_not(source) -> None:
    exact, flooded, shifted = (StreetJudge(source, 3) for _ in range(3))
    road = CAMVID.index("road")
    for judge, spoil in (
        (exact, lambda labels: labels),
        (flooded, lambda labels: np.full_like(labels, road)),
        (shifted, lambda labels: np.roll(labels, -12, axis=0)),
    ):
        for frame in source:
            judge.add(frame, spoil(frame.truth))
    best, all_road, moved = exact.scores(), flooded.scores(), shifted.scores()
    assert best.range_error_p95_20m < 0.06 and best.range_error_p95_40m < 0.12 and best.grid_agreement > 0.97
    assert best.columns > 300 and best.cells > 10_000
    assert all_road.range_error_p95_20m == np.inf and all_road.grid_agreement < 0.9
    assert moved.range_error_p95_20m > 3 * best.range_error_p95_20m and moved.grid_agreement < best.grid_agreement


def test_a_frame_is_judged_by_its_place_in_the_drive(source) -> None:
    """The second frame's exact labels are right for the second frame alone."""
    _, second = source
    here, elsewhere = (StreetJudge(source, 3, GridSpec(resolution_m=0.5)) for _ in range(2))
    here.add(second, second.truth)
    elsewhere.add(second._replace(stamp_ns=second.stamp_ns * 20), second.truth)
    assert here.scores().range_error_p95_40m < 0.1 * elsewhere.scores().range_error_p95_40m


def test_frames_without_a_camera_cannot_be_judged(source) -> None:
    with pytest.raises(ConfigError, match="metres cannot be judged on synthetic street 3: use the synthetic street"):
        StreetJudge(replace(source, pose=None), 3)


def test_exact_labels_give_the_documented_figures() -> None:
    """960x720 from 1.5 m up, as docs/planning.md states them."""
    source = from_street(3, 5, step=STRIDE)
    assert source.calibration is not None and source.pose is not None
    assert (source.calibration.width, source.calibration.height, source.pose.height_m) == (960, 720, 1.5)
    judge = StreetJudge(source, 5)
    for frame in source:
        judge.add(frame, frame.truth)
    scores = judge.scores()
    assert scores.range_error_p95_20m <= 0.02
    assert scores.range_error_p95_40m <= 0.05
    assert scores.grid_agreement >= 0.99
    assert scores.columns > 2000
    assert scores.cells > 20_000
