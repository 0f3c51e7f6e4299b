from __future__ import annotations

import json

import numpy as np

from enet_ros.classes import CAMVID, CITYSCAPES20, VOID
from enet_ros.metrics import ConfusionMatrix, Scorer


def frames() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(5)
    truth = [np.kron(rng.integers(0, 5, (4, 6)), np.ones((6, 6), int)).astype(np.uint8) for _ in range(3)]
    truth[0][:4] = VOID
    predicted = [np.roll(t, shift, 1) for shift, t in enumerate(truth)]
    predicted[0] = np.where(truth[0] == VOID, 0, truth[0]).astype(np.uint8)  # right wherever it counts
    confidence = [rng.integers(100, 256, t.shape).astype(np.uint8) for t in truth]
    return list(zip(truth, predicted, confidence, strict=True))


def test_all_figures_come_from_the_same_pixels() -> None:
    scorer, matrix = Scorer(CAMVID), ConfusionMatrix(11)
    for index, (truth, predicted, confidence) in enumerate(frames()):
        scorer.add(f"f{index}", truth, predicted, confidence)
        matrix.add(truth, predicted)
    scores = scorer.scores()
    values = scores.to_dict()
    assert values["miou"] == matrix.miou()
    assert values["iou"]["road"] == matrix.iou()[3] and values["iou"]["bicyclist"] is None
    assert list(values["iou"]) == list(CAMVID.names) == list(values["recall"])
    assert values["class_accuracy"] == matrix.class_accuracy()
    assert values["pixel_accuracy"] == matrix.pixel_accuracy()
    assert values["drivable_iou"] == matrix.iou()[3]
    assert (values["drivable_precision"], values["drivable_recall"]) == (matrix.precision()[3], matrix.recall()[3])
    assert values["frames"] == 3 and values["pixels"] == 3 * 24 * 36 - 4 * 36
    assert scores.calibration is not None and values["ece"] == scores.calibration.ece()
    assert scores.calibration.totals.sum() == values["pixels"]
    assert 0 < values["boundary_miou"] < values["miou"] < 1 and 0 < values["boundary_f1"] <= 1
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert [frame.name for frame in scores.frames] == ["f0", "f1", "f2"]
    assert scores.frames[0].miou == 1.0 > scores.frames[1].miou > scores.frames[2].miou


def test_without_confidence_there_is_no_calibration() -> None:
    scorer = Scorer(CAMVID)
    truth, predicted, _ = frames()[1]
    scorer.add("a", truth, predicted)
    assert scorer.scores().calibration is None and scorer.scores().to_dict()["ece"] is None


def test_the_networks_void_output_is_no_class() -> None:
    scorer = Scorer(CITYSCAPES20)
    scorer.add("a", np.full((4, 4), 1, np.uint8), np.full((4, 4), 1, np.uint8))
    values = scorer.scores().to_dict()
    assert "unlabelled" not in values["iou"] and len(values["iou"]) == 19
    assert values["miou"] == 1.0


def test_an_unlabelled_frame_has_no_score() -> None:
    scorer = Scorer(CAMVID)
    score = scorer.add("void", np.full((4, 4), VOID, np.uint8), np.zeros((4, 4), np.uint8))
    assert np.isnan(score.miou) and np.isnan(score.pixel_accuracy)
    values = scorer.scores().to_dict()
    assert values["miou"] is None and values["boundary_f1"] is None and values["pixels"] == 0
    assert values["frames"] == 1
