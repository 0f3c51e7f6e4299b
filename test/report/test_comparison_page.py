"""The pages of a comparison and of a dataset's check, in a real browser."""

from __future__ import annotations

import numpy as np

from enet_ros.classes import CAMVID
from enet_ros.metrics import Comparer
from enet_ros.report import Changes, ComparisonPage, DatasetPage, Doubt, comparison_page, dataset_page
from enet_ros.report.page import Stat


def test_both_sides_and_what_changed_are_shown(scene, browse) -> None:
    comparer, changes = Comparer(CAMVID), Changes()
    for index, still in enumerate(scene.stills):
        sides = (still.labels, still.truth) if index % 2 else (still.truth, still.labels)
        change = comparer.add(still.name, "", still.truth, *sides)
        changes.add(still.image, still.truth, *sides, change)
    names = ("old <b>", "new & better")
    result = comparer.comparison()
    page = ComparisonPage(names, ("engine one", "engine two"), "/data/street", "street", result, changes)
    seen = browse(comparison_page(page))
    assert set(seen["figures"]) == {"differences", "gains", "pictures"} and len(seen["charts"]) == 1
    assert seen["images"] == [[80, 60]] * 6 * 5, "three frames got better, three worse; five pictures of each"
    assert seen["requests"] == [] and seen["overflow"] <= 0 and seen["scripts"] == 1
    for part in ("new & better against old <b> on street", result.reason, "Better", "Worse", "engine two", "frame <5>"):
        assert part in seen["text"]


def test_doubted_labels_are_shown(scene, browse) -> None:
    still = scene.stills[0]._replace(caption="3.0 % of the labels, mostly road seen as <sky>")
    doubt = Doubt(still, np.asarray(still.labels != still.truth))
    classes = [("road", "rgb(128, 64, 128)", 0.4, 6)]
    stats = (Stat("frames", "6"),)
    page = DatasetPage("yard", "6 frames of 1 drive.", CAMVID, stats, classes, [doubt], (("model", "camvid"),))
    seen = browse(dataset_page(page))
    assert set(seen["figures"]) == {"shares", "doubts"} and seen["images"] == [[80, 60]] * 4
    assert seen["requests"] == [] and seen["overflow"] <= 0
    assert "mostly road seen as <sky>" in seen["text"] and "40.00" in seen["text"]
