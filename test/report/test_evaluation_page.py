from __future__ import annotations

import re

import numpy as np
import pytest

from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID
from enet_ros.metrics import FrameScore
from enet_ros.report.evaluation import EvaluationPage, Gallery, evaluation_page
from enet_ros.spec import ENetSpec


@pytest.fixture
def page(scene) -> EvaluationPage:
    script = "<script>alert(1)</script>"
    card = ModelCard("tiny <b>", ENetSpec(11), CAMVID, (60, 80), license="CC & co", provenance=script)
    return EvaluationPage(
        card, scene.scorer.scores(), "/data/street", "street", "onnxruntime on CPU", 31.4, scene.gallery.chosen()
    )


@pytest.fixture
def html(page) -> str:
    return evaluation_page(page)


def test_a_browser_shows_every_figure_and_asks_the_network_for_nothing(html, browse) -> None:
    seen = browse(html)
    expected = {"iou", "pictures", "confusion", "drivable", "reliability", "confidence", "frames"}
    assert set(seen["figures"]) == expected
    assert all(width > 200 and height > 100 for width, height in seen["figures"].values())
    assert seen["images"] == [[80, 60]] * (4 + 2) * 4
    assert len(seen["charts"]) == 4
    assert all(width > 300 and height > 100 and paths > 5 for width, height, paths in seen["charts"])
    assert seen["requests"] == []
    assert seen["overflow"] <= 0
    assert seen["scripts"] == 1, "only the test's own script may run"
    assert "tiny <b> on street" in seen["title"]
    for part in ("frame <5>", "<script>alert(1)</script>", "31.4frames/s", "bicyclist", "CC & co"):
        assert part in seen["text"]


def test_it_fits_a_phone_and_turns_dark(html, browse) -> None:
    light = browse(html, "--window-size=500,900")
    assert light["overflow"] <= 0
    dark = browse(html, "--blink-settings=preferredColorScheme=0")
    assert light["ink"] != dark["ink"] and light["page"] != dark["page"]
    assert (
        sum(map(int, re.findall(r"\d+", dark["page"]))) < 150 < 600 < sum(map(int, re.findall(r"\d+", light["page"])))
    )


def test_the_page_names_no_other_file(html) -> None:
    assert "http:" not in html and "https:" not in html and "<script" not in html and "<link" not in html
    assert "@import" not in html
    sources = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert sources and all(source.startswith(("data:image/", "#")) for source in sources)
    assert not re.search(r"url\((?!#)", html)


def test_the_same_scores_make_the_same_page(html, page) -> None:
    assert evaluation_page(page) == html
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert ids and len(ids) == len(set(ids)), "two charts must not share an id"


def test_figures_are_those_of_the_scores(html, scene) -> None:
    scores = scene.scorer.scores()
    assert f">{100 * scores.confusion.miou():.1f}<small>%</small>" in html
    assert f'<td class="n">{100 * scores.confusion.iou()[CAMVID.index("road")]:.1f}</td>' in html


def test_gallery_finds_worst_and_median_in_bounded_memory() -> None:
    gallery = Gallery(worst=3, median=2)
    rng = np.random.default_rng(2)
    values = rng.permutation(1000) / 1000
    image, labels = np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6), np.uint8)
    for index, value in enumerate(values):
        gallery.add(image, labels, labels, FrameScore(str(index), float(value), 1.0))
        assert len(gallery._sample.entries) <= 64 and len(gallery._worst) <= 3
    chosen = gallery.chosen()
    assert [values[int(still.name)] for still in chosen.worst] == [0.0, 0.001, 0.002]
    assert len(chosen.median) == 2
    assert all(abs(values[int(still.name)] - np.median(values)) < 0.05 for still in chosen.median)


def test_gallery_keeps_copies_and_skips_unlabelled_frames() -> None:
    gallery = Gallery()
    image, labels = np.zeros((10, 960, 3), np.uint8), np.full((10, 960), 3, np.uint8)
    gallery.add(image, labels, labels, FrameScore("void", float("nan"), float("nan")))
    assert gallery.chosen().worst == ()
    gallery.add(image, labels, labels, FrameScore("a", 0.5, 0.5))
    image[:], labels[:] = 9, 9
    (still,) = gallery.chosen().worst
    assert still.image.shape == (5, 480, 3) and still.image.max() == 0 and still.labels.max() == 3
