from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from enet_ros.classes import CAMVID
from enet_ros.errors import ConfigError
from enet_ros.report.charts import thinned
from enet_ros.report.run import RunPage, run_page
from enet_ros.report.series import FreeSpaceSeries, LatencySeries, RateSeries

STAGES = ("transport", "decode", "infer")


def latency(frames: int = 200) -> LatencySeries:
    rng = np.random.default_rng(0)
    stage_ms = rng.gamma(20, 0.2, (frames, 3)) * (1, 2, 5)
    stage_ms[:10, 0] = np.nan
    return LatencySeries(np.arange(frames) / 25, np.nansum(stage_ms, 1), STAGES, stage_ms)


def free_space(frames: int = 200) -> FreeSpaceSeries:
    bearing = np.radians(np.linspace(30, -30, 48))
    range_m = 10 + np.sin(np.arange(frames)[:, None] / 9 + bearing)
    range_m[:, :5] = np.nan
    return FreeSpaceSeries(np.arange(frames) / 25, bearing, range_m)


@pytest.fixture
def run(scene) -> RunPage:
    rate = RateSeries.of_stamps(np.arange(240) / 30, np.arange(240) % 6 != 0)
    return RunPage(
        "enet_ros demo",
        "camvid & the <street>",
        "8 s",
        CAMVID,
        latency(),
        rate,
        scene.scorer.scores(),
        tuple(scene.stills),
        free_space(),
        (("model", "camvid"), ("empty", "")),
    )


def test_a_browser_shows_every_figure(run, browse) -> None:
    seen = browse(run_page(run))
    expected = {"latency", "stages", "stage-table", "rate", "filmstrip", "free-space", "ahead", "plan"}
    expected |= {"iou", "confusion", "drivable", "reliability", "confidence", "frames"}
    assert set(seen["figures"]) == expected
    assert all(width > 200 and height > 80 for width, height in seen["figures"].values())
    assert len(seen["images"]) == 6 and all(width > 0 for width, _ in seen["images"])
    assert len(seen["charts"]) == 10 and all(width > 300 and height > 100 for width, height, _ in seen["charts"])
    assert seen["requests"] == [] and seen["overflow"] <= 0
    for part in ("camvid & the <street>", "of 240 offered, answered", "83.3%", "transport", "frame <0>"[:5]):
        assert part in seen["text"]
    assert "empty" not in seen["text"]


def test_parts_that_are_missing_are_left_out(run) -> None:
    bare = dataclasses.replace(run, latency=None, rate=None, scores=None, stills=(), free_space=None)
    html = run_page(bare)
    assert "data-figure" not in html and "camvid &amp; the &lt;street&gt;" in html
    only = run_page(dataclasses.replace(bare, latency=latency(0)))
    assert "data-figure" not in only and "frames answered" in only


def test_unknown_values_are_not_invented(run) -> None:
    nothing = np.full((4, 3), np.nan)
    series = LatencySeries(np.arange(4.0), np.full(4, np.nan), STAGES, nothing)
    unknown = FreeSpaceSeries(np.arange(4.0), np.zeros(2), np.full((4, 2), np.nan))
    html = run_page(dataclasses.replace(run, latency=series, free_space=unknown, scores=None, stills=()))
    assert "median latency" not in html and html.count("n/a") >= 4 * 5


def test_percentiles_are_in_the_table(run) -> None:
    known = run.latency.stage_ms[:, 2]
    html = run_page(run)
    assert f">{np.percentile(known, 99):.2f}<" in html and f">{known.max():.2f}<" in html
    assert f">{np.percentile(run.latency.total_ms, 50):.1f}<" in html


def test_a_long_run_stays_a_small_page(run) -> None:
    long = dataclasses.replace(run, latency=latency(60_000), free_space=free_space(3000), scores=None, stills=())
    assert len(run_page(long)) < 1_000_000


def test_thinning_keeps_spikes_and_means() -> None:
    time_s, values = np.arange(10_000.0), np.ones(10_000)
    values[7777] = 50.0
    values[5] = np.nan
    few_s, few = thinned(time_s, values)
    assert len(few_s) == len(few) == 800 and few.max() == 50.0 and not np.isnan(few).any()
    two = np.stack([np.ones(10_000), 2 * np.ones(10_000)], 1)
    assert thinned(time_s, two, largest=False)[1] == pytest.approx(np.tile([1.0, 2.0], (800, 1)))
    assert thinned(time_s[:5], values[:5])[1] is not None and len(thinned(time_s[:5], values[:5])[0]) == 5


def test_rates_by_hand() -> None:
    offered_s = np.array([10.1, 10.5, 11.2, 13.9])
    rate = RateSeries.of_stamps(offered_s, np.array([True, False, True, False]))
    assert rate.start_s.tolist() == [10, 11, 12, 13]
    assert rate.offered.tolist() == [2, 1, 0, 1]
    assert rate.answered.tolist() == [1, 1, 0, 0] and rate.unanswered.tolist() == [1, 0, 0, 1]
    assert len(RateSeries.of_stamps(np.zeros(0), np.zeros(0, bool)).start_s) == 0


def test_ahead_is_the_nearest_within_three_degrees() -> None:
    bearing = np.radians([10.0, 2.0, -1.0, -10.0])
    series = FreeSpaceSeries(np.zeros(2), bearing, np.array([[1, 7, 6, 1], [1, np.nan, np.nan, 1]], float))
    assert series.ahead_m()[0] == 6 and np.isnan(series.ahead_m()[1])
    aside = FreeSpaceSeries(np.zeros(1), bearing[:1], np.ones((1, 1)))
    assert np.isnan(aside.ahead_m()).all()


def test_shapes_are_checked() -> None:
    with pytest.raises(ConfigError, match="latencies of 3 frames and 2 stages"):
        LatencySeries(np.zeros(3), np.zeros(3), ("a", "b"), np.zeros((3, 1)))
    with pytest.raises(ConfigError, match=r"use \(2, 3\)"):
        FreeSpaceSeries(np.zeros(2), np.zeros(3), np.zeros((2, 2)))
