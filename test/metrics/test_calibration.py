from __future__ import annotations

import numpy as np
import pytest

from enet_ros.classes import VOID
from enet_ros.errors import ConfigError, DatasetError
from enet_ros.metrics import Calibration


def test_ece_by_hand() -> None:
    calibration = Calibration()
    truth = np.array([[0, 0, 0, 0, VOID, 1, 1]], np.uint8)
    predicted = np.array([[0, 0, 0, 1, 1, 1, VOID]], np.uint8)
    confidence = np.array([[204, 204, 204, 204, 255, 102, 102]], np.uint8)
    calibration.add(truth, predicted, confidence)
    # 4 pixels at 0.8, 3 right; 2 at 0.4, 1 right (void predicted is wrong); void truth left out
    assert calibration.ece(10) == pytest.approx((4 * abs(0.75 - 0.8) + 2 * abs(0.5 - 0.4)) / 6)
    bins = calibration.reliability(10)
    assert [(b.low, b.pixels) for b in bins if b.pixels] == [(pytest.approx(0.3), 2), (pytest.approx(0.7), 4)]
    assert bins[7].confidence == pytest.approx(0.8) and bins[7].accuracy == 0.75
    assert np.isnan(bins[0].accuracy)


def test_bins_are_half_open_and_hold_everything() -> None:
    calibration = Calibration()
    confidence = np.arange(256, dtype=np.uint8)[None]
    zero = np.zeros_like(confidence)
    calibration.add(zero, zero, confidence)
    for bins in (1, 10, 15, 20, 255):
        rows = calibration.reliability(bins)
        assert sum(row.pixels for row in rows) == 256
        assert all(row.low < row.confidence <= row.high + 1e-12 for row in rows[1:])
    assert [row.pixels for row in calibration.reliability(5)] == [52, 51, 51, 51, 51]


def test_a_calibrated_source_has_no_error() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.integers(0, 256, (500, 500)).astype(np.uint8)
    right = rng.random((500, 500)) < confidence / 255
    truth = np.zeros((500, 500), np.uint8)
    calibration, sure = Calibration(), Calibration()
    calibration.add(truth, np.where(right, 0, 1).astype(np.uint8), confidence)
    assert calibration.ece() < 0.01
    sure.add(truth, np.where(right, 0, 1).astype(np.uint8), np.full_like(confidence, 255))
    assert sure.ece() == pytest.approx(1 - right.mean())


def test_refuses_what_does_not_fit() -> None:
    calibration = Calibration()
    one, two = np.zeros((1, 1), np.uint8), np.zeros((2, 1), np.uint8)
    with pytest.raises(DatasetError, match="must have one size"):
        calibration.add(one, one, two)
    with pytest.raises(ConfigError, match="256 bins"):
        calibration.reliability(256)
    assert np.isnan(calibration.ece())
