from __future__ import annotations

import numpy as np
import pytest

from enet_ros.classes import CAMVID, VOID
from enet_ros.errors import ConfigError, DatasetError
from enet_ros.metrics import ConfusionMatrix


def labels(text: str) -> np.ndarray:
    return np.array([[int(v) if v != "." else VOID for v in row] for row in text.split()], np.uint8)


TRUTH = labels("0011 0012 ..22")
PREDICTED = labels("0111 001. 0122")


def test_counts_by_hand() -> None:
    matrix = ConfusionMatrix(4)
    matrix.add(TRUTH, PREDICTED)
    assert matrix.counts.tolist() == [
        [3, 1, 0, 0, 0],
        [0, 3, 0, 0, 0],
        [0, 0, 2, 0, 1],
        [0, 0, 0, 0, 0],
    ]
    assert matrix.pixels == 10
    assert matrix.iou()[:3] == pytest.approx([3 / 4, 3 / 4, 2 / 3])
    assert np.isnan(matrix.iou()[3])  # in neither truth nor prediction
    assert matrix.miou() == pytest.approx((3 / 4 + 3 / 4 + 2 / 3) / 3)
    assert matrix.recall()[:3] == pytest.approx([3 / 4, 1.0, 2 / 3])
    assert matrix.precision()[:3] == pytest.approx([1.0, 3 / 4, 1.0])
    assert matrix.class_accuracy() == pytest.approx((3 / 4 + 1 + 2 / 3) / 3)
    assert matrix.pixel_accuracy() == pytest.approx(0.8)
    assert matrix.group((0, 1)).iou == pytest.approx(1.0)
    assert matrix.group((1, 2)) == pytest.approx((5 / 7, 5 / 6, 5 / 6))  # one of 0 taken in, one of 2 predicted void


def test_a_class_only_predicted_counts_as_zero() -> None:
    matrix = ConfusionMatrix(3)
    matrix.add(labels("0000"), labels("0002"))
    assert matrix.iou()[[0, 2]].tolist() == [0.75, 0.0]
    assert matrix.miou() == 0.375
    assert matrix.class_accuracy() == 0.75  # 2 is not in the truth


def test_abstaining_does_not_raise_the_score() -> None:
    wrong, silent = ConfusionMatrix(2), ConfusionMatrix(2)
    wrong.add(labels("0000 1111"), labels("0001 1111"))
    silent.add(labels("0000 1111"), labels("000. 1111"))
    assert silent.recall().tolist() == wrong.recall().tolist()
    assert silent.pixel_accuracy() == wrong.pixel_accuracy() == 7 / 8
    assert silent.iou().tolist() == [0.75, 1.0]


def brute_force_iou(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> list[float]:
    known = truth != VOID
    values = []
    for index in range(num_classes):
        t, p = (truth == index) & known, (predicted == index) & known
        values.append((t & p).sum() / (t | p).sum())
    return values


def test_agrees_with_brute_force_over_many_frames() -> None:
    rng = np.random.default_rng(3)
    values = np.array([*range(11), VOID], np.uint8)
    frames = [(rng.choice(values, (37, 53)), rng.choice(values, (37, 53))) for _ in range(4)]
    matrix, total = ConfusionMatrix(11), ConfusionMatrix(11)
    for truth, predicted in frames:
        matrix.add(truth, predicted)
        one = ConfusionMatrix(11)
        one.add(truth, predicted)
        total += one
    truth, predicted = (np.concatenate(part) for part in zip(*frames, strict=True))
    assert matrix.iou() == pytest.approx(brute_force_iou(truth, predicted, 11))
    assert (matrix.counts == total.counts).all()
    assert matrix.pixels == (truth != VOID).sum()
    assert matrix.pixel_accuracy() == ((truth == predicted) & (truth != VOID)).sum() / matrix.pixels
    road = CAMVID.indices(["road", "pavement"])
    t, p = np.isin(truth, road), np.isin(predicted, road) & (truth != VOID)
    assert matrix.group(road).iou == pytest.approx((t & p).sum() / (t | p).sum())


def test_takes_views_that_are_not_contiguous() -> None:
    matrix = ConfusionMatrix(3)
    matrix.add(TRUTH[::2, ::-1], PREDICTED[::2, ::-1])
    assert matrix.pixels == 6
    assert int(np.trace(matrix.matrix)) == 5


def test_empty_has_no_score() -> None:
    matrix = ConfusionMatrix(2)
    matrix.add(labels(".."), labels("01"))
    assert matrix.pixels == 0
    for value in (matrix.miou(), matrix.class_accuracy(), matrix.pixel_accuracy(), *matrix.group((0,))):
        assert np.isnan(value)


def test_refuses_what_does_not_fit() -> None:
    matrix = ConfusionMatrix(3)
    with pytest.raises(DatasetError, match=r"the truth has label 3; use 0\.\.2 or 255"):
        matrix.add(labels("013"), labels("011"))
    with pytest.raises(DatasetError, match="the prediction has label 7"):
        matrix.add(labels("011"), labels("017"))
    with pytest.raises(DatasetError, match=r"truth is \(1, 3\), prediction \(1, 2\)"):
        matrix.add(labels("011"), labels("01"))
    assert matrix.pixels == 0
    with pytest.raises(ConfigError, match="of 3 and 4 classes"):
        matrix += ConfusionMatrix(4)
    with pytest.raises(ConfigError, match="255 classes"):
        ConfusionMatrix(255)


def test_void_predicted_where_the_truth_is_void_counts_nowhere() -> None:
    matrix = ConfusionMatrix(2)
    matrix.add(np.array([[VOID, VOID, 0, 1]], np.uint8), np.array([[VOID, 0, VOID, 1]], np.uint8))
    assert matrix.counts.tolist() == [[0, 0, 1], [0, 1, 0]]
    assert matrix.iou().tolist() == [0.0, 1.0]
