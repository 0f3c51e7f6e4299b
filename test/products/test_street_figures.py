"""The documented figures, at the documented size: exact labels of the synthetic street at 960x720 from 1.5 m up."""

from __future__ import annotations

from enet_ros.evaluation.street import StreetJudge
from enet_ros.street import Street


def test_ranges_and_grid_on_the_street() -> None:
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
