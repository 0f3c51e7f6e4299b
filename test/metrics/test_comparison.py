"""Is one model better: intervals whose truth is known, and a verdict that a fault would turn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from enet_ros.classes import CAMVID, VOID
from enet_ros.metrics import Comparer, Verdict
from enet_ros.metrics.bootstrap import differences, groups_of
from enet_ros.metrics.confusion import ConfusionMatrix

ROAD, PAVEMENT = CAMVID.index("road"), CAMVID.index("pavement")


def compared(gain: float, spread: float, frames: int = 36, drives: int = 9):
    """Frames of road and pavement; of the road the first finds 80 %, the second more by `gain`, give or take."""
    rng = np.random.default_rng(4)
    comparer = Comparer(CAMVID)
    for index in range(frames):
        truth = np.full((20, 50), ROAD, np.uint8)
        truth[10:] = PAVEMENT
        answers = []
        for share in (0.8, 0.8 + gain + spread * rng.uniform(-1, 1)):
            labels = truth.copy()
            labels[0, :] = VOID
            labels[:10][rng.random((10, 50)) > share] = PAVEMENT
            answers.append(labels)
        comparer.add(f"f{index}", f"drive {index * drives // frames}", truth, *answers)
    return comparer.comparison()


def test_a_clear_gain_is_better_a_clear_loss_worse_and_noise_cannot_be_told() -> None:
    better, worse, even = compared(0.1, 0.05), compared(-0.1, 0.05), compared(0.0, 0.2)
    assert [c.verdict for c in (better, worse, even)] == [Verdict.BETTER, Verdict.WORSE, Verdict.UNTOLD]
    assert "drivable IoU" in better.surely(1) and "surely up" in better.reason
    assert better.groups == "9 drives"
    assert better.classes["road"].low > 0.02 and math.isnan(better.classes["car"].after)
    found = better.headlines["drivable IoU"]
    assert found.low < found.after - found.before < found.high


def test_the_interval_is_that_of_whole_drives() -> None:
    """Frames of a drive that are all alike must count once: twice the frames, no narrower an interval."""
    rng = np.random.default_rng(1)
    gains = rng.uniform(-0.05, 0.07, 8)

    def interval(frames_a_drive: int):
        counts = np.zeros((2, 8 * frames_a_drive, 2, 3), np.int64)
        for side in range(2):
            right = np.repeat(np.rint(1000 * (0.7 + gains * side)).astype(int), frames_a_drive)
            counts[side, :, 0, 0], counts[side, :, 0, 1] = right, 1000 - right
        drives = [f"d{index}" for index in range(8) for _ in range(frames_a_drive)]
        figures = lambda matrix: [matrix.pixel_accuracy()]  # noqa: E731
        return differences(*counts, groups_of(drives).number, figures)[0]

    once, often = interval(1), interval(5)
    assert often == pytest.approx(once, abs=1e-12)
    assert once.after - once.before == pytest.approx(gains.mean(), abs=1e-3)
    normal = 1.96 * gains.std() / math.sqrt(8)
    assert once.high - once.low == pytest.approx(2 * normal, rel=0.15)


def test_a_class_that_is_lost_is_named_beside_a_gain() -> None:
    """Far more road is found, and no car any more."""
    comparer = Comparer(CAMVID)
    rng = np.random.default_rng(6)
    for index in range(30):
        truth = np.full((20, 50), ROAD, np.uint8)
        truth[12:], truth[0, :20] = PAVEMENT, CAMVID.index("car")
        before, after = truth.copy(), truth.copy()
        before[1:12][rng.random((11, 50)) > 0.4] = PAVEMENT
        after[0, : 5 + int(rng.integers(3))] = CAMVID.index("building")
        comparer.add(f"f{index}", f"d{index}", truth, before, after)
    result = comparer.comparison()
    assert result.verdict is Verdict.BETTER
    assert "of the classes, surely down: car" in result.reason


def test_few_drives_are_told_and_drawn_in_blocks() -> None:
    two = groups_of(["a"] * 10 + ["b"] * 6)
    assert "fewer than 6 drives (2), so" in two.kind and "blocks of at most 4 frames" in two.kind
    assert two.number.tolist() == [0] * 4 + [1] * 4 + [2] * 2 + [3] * 4 + [4] * 2
    assert "drives are not known" in groups_of([""] * 9).kind


def test_one_frame_tells_nothing() -> None:
    matrix = ConfusionMatrix(2)
    matrix.add(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8))
    (found,) = differences(
        matrix.counts[None], matrix.counts[None], groups_of([""]).number, lambda matrix: [matrix.pixel_accuracy()]
    )
    assert found.sign == 0 and found.low == -math.inf


def test_a_trade_is_no_gain() -> None:
    """Calling half of all pavement road finds more road: recall up, precision down."""
    comparer = Comparer(CAMVID)
    rng = np.random.default_rng(2)
    for index in range(30):
        truth = np.full((20, 50), ROAD, np.uint8)
        truth[18:] = PAVEMENT
        timid, bold = truth.copy(), truth.copy()
        timid[:18][rng.random((18, 50)) > 0.7] = PAVEMENT
        bold[18:][rng.random((2, 50)) > 0.2] = ROAD
        comparer.add(f"f{index}", f"d{index}", truth, timid, bold)
    result = comparer.comparison()
    assert result.verdict is Verdict.UNTOLD and "a trade" in result.reason and "drivable precision" in result.reason
