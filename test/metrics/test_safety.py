from __future__ import annotations

import math

import numpy as np
import pytest

from enet_ros.classes import CAMVID, CITYSCAPES20, IDD_LITE, LUMS, SUNRGBD, VOID, ClassTable
from enet_ros.classes.kinds import kinds
from enet_ros.metrics import ConfusionMatrix, DrivableCurve, Scorer
from enet_ros.metrics.safety import safe_miou

ROAD, PAVEMENT, BUILDING, TREE, CAR = map(CAMVID.index, ("road", "pavement", "building", "tree", "car"))


def matrix(counts: dict[tuple[int, int], int], table: ClassTable = CAMVID) -> ConfusionMatrix:
    made = ConfusionMatrix(table.num_classes)
    for (truth, predicted), pixels in counts.items():
        made.counts[truth, predicted] = pixels
    return made


@pytest.mark.parametrize("table", [CAMVID, CITYSCAPES20, IDD_LITE, LUMS], ids=lambda table: table.name)
def test_every_class_of_a_street_has_a_kind(table: ClassTable) -> None:
    missing = {name for name, kind in zip(table.names, kinds(table), strict=True) if kind is None}
    assert missing <= {"unlabelled"}


def test_only_mistakes_about_traffic_cost_more_than_their_iou() -> None:
    harmless = matrix({(ROAD, ROAD): 8, (ROAD, PAVEMENT): 2, (BUILDING, TREE): 5, (BUILDING, BUILDING): 5})
    assert safe_miou(harmless, CAMVID) == harmless.miou()
    # a car called road: 0.8 of its IoU less 0.2 * 3/3; road loses by IoU alone
    missed = matrix({(CAR, CAR): 8, (CAR, ROAD): 2, (ROAD, ROAD): 8})
    assert safe_miou(missed, CAMVID) == pytest.approx(((0.8 - 0.2) + 0.8) / 2)
    # road called a car costs road
    ghost = matrix({(ROAD, ROAD): 8, (ROAD, CAR): 2, (CAR, CAR): 8})
    assert safe_miou(ghost, CAMVID) == pytest.approx(((0.8 - 0.2) + 0.8) / 2)


def test_a_mistake_within_a_kind_costs_two_thirds() -> None:
    person, rider = CITYSCAPES20.index("person"), CITYSCAPES20.index("rider")
    mixed = matrix({(person, person): 6, (person, rider): 4, (rider, rider): 6}, CITYSCAPES20)
    assert safe_miou(mixed, CITYSCAPES20) == pytest.approx(((0.6 - 0.4 * 2 / 3) + 0.6) / 2)


def test_it_is_never_above_miou_and_worst_where_all_traffic_is_lost() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        noise = ConfusionMatrix(11)
        noise.counts[:] = rng.integers(0, 50, (11, 12)) * (rng.random((11, 12)) < 0.4)
        assert -1 <= safe_miou(noise, CAMVID) <= noise.miou()
    assert safe_miou(matrix({(CAR, BUILDING): 10}), CAMVID) == pytest.approx(-0.5)


def test_void_costs_the_iou_alone() -> None:
    silent = matrix({(CAR, CAR): 8, (CAR, 11): 2})
    assert safe_miou(silent, CAMVID) == silent.miou() == 0.8


def test_classes_of_no_known_kind_have_no_safe_miou() -> None:
    assert math.isnan(safe_miou(matrix({(0, 0): 1}, SUNRGBD), SUNRGBD))
    assert math.isnan(safe_miou(ConfusionMatrix(11), CAMVID))


def test_the_curve_by_hand() -> None:
    curve = DrivableCurve(CAMVID)
    truth = np.array([[ROAD, ROAD, PAVEMENT, ROAD, CAR, VOID]], np.uint8)
    predicted = np.array([[ROAD, ROAD, ROAD, CAR, CAR, ROAD]], np.uint8)
    confidence = np.array([[250, 200, 220, 130, 255, 255]], np.uint8)
    curve.add(truth, predicted, confidence)
    recall, precision = curve.points()
    assert recall.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert precision.tolist() == pytest.approx([1, 2 / 3, 3 / 4])
    assert curve.precision_at(0.3) == 1 and curve.precision_at(0.5) == 0.75 and curve.precision_at(0.99) == 0.75


def test_the_curve_passes_through_the_labels_own_point() -> None:
    rng = np.random.default_rng(2)
    truth, predicted = rng.integers(0, 11, (2, 40, 60)).astype(np.uint8)
    confidence = rng.integers(30, 256, truth.shape).astype(np.uint8)
    scorer = Scorer(CAMVID)
    scorer.add("a", truth, predicted, confidence)
    scores = scorer.scores()
    assert scores.curve is not None
    recall, precision = scores.curve.points()
    nearest = int(np.abs(recall - scores.drivable.recall).argmin())
    assert recall[nearest] == pytest.approx(scores.drivable.recall)
    assert precision[nearest] == pytest.approx(scores.drivable.precision, abs=0.01)


def test_scores_tell_how_much_pavement_was_called_road() -> None:
    scorer = Scorer(CAMVID)
    truth = np.array([[PAVEMENT] * 4 + [ROAD] * 4], np.uint8)
    predicted = np.array([[ROAD, PAVEMENT, CAR, PAVEMENT] + [ROAD] * 4], np.uint8)
    scorer.add("a", truth, predicted, np.full((1, 8), 200, np.uint8))
    values = scorer.scores().to_dict()
    assert values["ground_called_drivable"] == 0.25
    assert values["drivable_precision_at_99_recall"] == 0.8
    road_alone = Scorer(CAMVID)
    road_alone.add("a", truth[:, 4:], predicted[:, 4:])
    values = road_alone.scores().to_dict()
    assert values["ground_called_drivable"] is None and values["drivable_precision_at_99_recall"] is None
