"""The judge of metres on the synthetic street."""

from __future__ import annotations

import numpy as np
import pytest

from enet_ros.classes import CAMVID
from enet_ros.evaluation.street import STRIDE, StreetJudge
from enet_ros.products.occupancy import GridSpec
from enet_ros.street import Street


@pytest.fixture(scope="module")
def street() -> Street:
    return Street(3, width=320, height=240)


def test_exact_labels_are_nearly_right_and_wrong_ones_are_not(street) -> None:
    exact, flooded, shifted = StreetJudge(street), StreetJudge(street), StreetJudge(street)
    road = CAMVID.index("road")
    for judge, spoil in (
        (exact, lambda labels: labels),
        (flooded, lambda labels: np.full_like(labels, road)),
        (shifted, lambda labels: np.roll(labels, -12, axis=0)),
    ):
        for frame in judge.frames(2):
            judge.add(frame.name, spoil(frame.truth))
    best, all_road, moved = exact.scores(), flooded.scores(), shifted.scores()
    assert best.range_error_p95_20m < 0.06 and best.range_error_p95_40m < 0.12 and best.grid_agreement > 0.97
    assert best.columns > 300 and best.cells > 10_000
    assert all_road.range_error_p95_20m == np.inf and all_road.grid_agreement < 0.9
    assert moved.range_error_p95_20m > 3 * best.range_error_p95_20m and moved.grid_agreement < best.grid_agreement


def test_frames_are_those_of_the_street(street) -> None:
    judge = StreetJudge(street, GridSpec(resolution_m=0.5))
    frames = list(judge.frames(2))
    assert [frame.name for frame in frames] == ["street 00000", f"street {STRIDE:05d}"]
    assert (frames[1].image == street.frame(STRIDE).image).all()
    assert (frames[1].truth == street.frame(STRIDE).labels).all() and judge.table is CAMVID
    judge.add(frames[0].name, frames[0].truth)
    with pytest.raises(KeyError):
        judge.add(frames[0].name, frames[0].truth)


def test_exact_labels_give_the_documented_figures() -> None:
    """960x720 from 1.5 m up, as docs/planning.md states them."""
    street = Street(seed=5)
    assert (street.intrinsics.width, street.intrinsics.height, street.pose.height_m) == (960, 720, 1.5)
    judge = StreetJudge(street)
    for frame in judge.frames(3):
        judge.add(frame.name, frame.truth)
    scores = judge.scores()
    assert scores.range_error_p95_20m <= 0.02
    assert scores.range_error_p95_40m <= 0.05
    assert scores.grid_agreement >= 0.99
    assert scores.columns > 2000
    assert scores.cells > 20_000
