from __future__ import annotations

import numpy as np
import pytest

from enet_ros.classes import VOID
from enet_ros.errors import ConfigError, DatasetError
from enet_ros.metrics import BoundaryScore, dilated, edges


def halves(column: int) -> np.ndarray:
    """40x40, class 0 left of the column, class 1 from it on."""
    labels = np.zeros((40, 40), np.uint8)
    labels[:, column:] = 1
    return labels


def test_edges_are_both_sides_of_a_change() -> None:
    assert np.flatnonzero(edges(halves(20))[0]).tolist() == [19, 20]
    assert np.flatnonzero(edges(halves(20).T)[:, 0]).tolist() == [19, 20]
    void = halves(20)
    void[:, 20:] = VOID
    assert not edges(void).any()


def test_band_is_euclidean() -> None:
    assert np.flatnonzero(dilated(edges(halves(20)), 3)[0]).tolist() == list(range(16, 24))
    labels = np.zeros((21, 21), np.uint8)
    labels[10, 10] = 1
    band = dilated(edges(labels), 3)
    ys, xs = np.nonzero(band)
    cross = [(10, 10), (9, 10), (11, 10), (10, 9), (10, 11)]
    expected = {(y, x) for y in range(21) for x in range(21) if min((y - a) ** 2 + (x - b) ** 2 for a, b in cross) <= 9}
    assert set(zip(ys.tolist(), xs.tolist(), strict=True)) == expected
    assert not dilated(edges(np.zeros((5, 5), np.uint8)), 3).any()


def test_a_shift_within_the_radius_is_forgiven_by_f1_not_by_the_band() -> None:
    near, far = BoundaryScore(2, radius=3), BoundaryScore(2, radius=3)
    near.add(halves(20), halves(22))
    far.add(halves(20), halves(30))
    assert near.f1() == 1.0 and far.f1() == 0.0
    # band columns 16..23: two of the eight are called 0 instead of 1
    assert near.confusion.matrix.tolist() == [[160, 0], [80, 80]]
    assert near.miou() == pytest.approx((160 / 240 + 80 / 160) / 2)


def test_precision_and_recall_are_weighed() -> None:
    score = BoundaryScore(3, radius=1)
    predicted = halves(20)
    predicted[:, 30:] = 2  # a second edge that is not there
    score.add(halves(20), predicted)
    assert score.f1() == pytest.approx(2 * 0.5 * 1 / 1.5)


def test_edges_predicted_in_void_are_nobodys() -> None:
    truth = halves(10)
    truth[:, 25:] = VOID
    predicted = halves(10)
    predicted[:, 30:] = 0
    score = BoundaryScore(2, radius=2)
    score.add(truth, predicted)
    assert score.f1() == 1.0 and score.miou() == 1.0


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="radius of 0"):
        BoundaryScore(2, radius=0)
    with pytest.raises(DatasetError, match="scale one to the other"):
        BoundaryScore(2).add(halves(3), halves(3)[:5])
    assert np.isnan(BoundaryScore(2).f1())


def test_edges_on_one_side_alone_score_nothing() -> None:
    flat = np.zeros((40, 40), np.uint8)
    for truth, predicted in ((halves(20), flat), (flat, halves(20))):
        score = BoundaryScore(2)
        score.add(truth, predicted)
        assert score.f1() == 0.0
    score = BoundaryScore(2)
    score.add(flat, flat)
    assert np.isnan(score.f1())
