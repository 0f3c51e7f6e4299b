"""Which frames are chosen, on frames whose worth is known."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from enet_ros.errors import ConfigError
from enet_ros.selection import Candidate, choose, dhash
from enet_ros.selection.choice import Pace
from enet_ros.selection.likeness import Kept, bits_apart
from enet_ros.selection.scores import disagreement, moved_along, uncertainty

SECOND = 1_000_000_000


def candidates(count: int, **columns: object) -> list[Candidate]:
    """Two seconds apart, all unlike one another."""
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 1 << 63, count)
    rows = []
    for index in range(count):
        stamp = 2 * SECOND * index
        plain = Candidate("d", "/c", index, stamp, stamp, None, int(hashes[index]), 0.0, 0.0, np.zeros(2, np.float32))
        rows.append(plain._replace(**{name: values[index] for name, values in columns.items()}))
    return rows


def numbers(chosen: list[Candidate]) -> list[int]:
    return [candidate.number for candidate in chosen]


def test_the_same_scene_has_the_same_hash_and_another_has_not() -> None:
    rng = np.random.default_rng(0)
    scene, other = (cv2.resize(rng.integers(0, 256, (6, 8, 3)).astype(np.uint8), (320, 240)) for _ in range(2))
    noisy = np.clip(scene.astype(int) + rng.integers(-6, 7, scene.shape), 0, 255).astype(np.uint8)
    brighter = np.clip(scene * 0.8 + 20, 0, 255).astype(np.uint8)
    assert bits_apart([dhash(noisy), dhash(brighter)], dhash(scene)).max() < 5
    assert bits_apart([dhash(other)], dhash(scene))[0] > 15


def test_bits_are_counted() -> None:
    assert bits_apart([0, 0xFFFF, 1 << 63], 0b101).tolist() == [2, 14, 3]
    kept = Kept(3)
    assert [kept.takes(value) for value in (0, 0b11, 0b111, 0b1111)] == [True, False, True, False]
    assert all(Kept(0).takes(5) for _ in range(2))


def test_time_takes_evenly_and_leaves_duplicates_out() -> None:
    frames = candidates(10)
    assert numbers(choose(frames, 5, "time", 4)) == [0, 2, 4, 6, 8]
    parked = [frame._replace(likeness=frames[0].likeness) if frame.number < 6 else frame for frame in frames]
    assert numbers(choose(parked, None, "time", 4)) == [0, 6, 7, 8, 9]
    assert numbers(choose(parked, None, "time", 0)) == list(range(10))


def test_the_doubtful_are_chosen_but_no_neighbours() -> None:
    doubts = [0.1, 0.9, 0.8, 0.2, 0.85, 0.3]
    assert numbers(choose(candidates(6, uncertainty=doubts), 3, "uncertainty", 4)) == [1, 2, 4]
    close = candidates(6, uncertainty=doubts, stamp_ns=[n * SECOND // 2 for n in range(6)])
    assert numbers(choose(close, 3, "uncertainty", 4)) == [1, 4]
    other_camera = [frame._replace(topic=f"/c{frame.number}") for frame in close]
    assert numbers(choose(other_camera, 3, "uncertainty", 4)) == [1, 2, 4]


def test_novelty_covers_every_cluster() -> None:
    """Twelve frames of one road, two of another, one of a third: three choices take one of each."""
    rng = np.random.default_rng(2)
    centres = [(0, 0)] * 12 + [(10, 0)] * 2 + [(0, 20)]
    features = [np.float32(centre) + rng.normal(0, 0.1, 2).astype(np.float32) for centre in centres]
    chosen = numbers(choose(candidates(15, feature=features), 3, "novelty", 4))
    assert len(chosen) == 3 and chosen[-1] == 14 and chosen[-2] in (12, 13) and chosen[0] < 12


def test_mixed_prefers_the_doubtful_among_the_new() -> None:
    features = [np.float32((x, 0)) for x in (0, 0, 10, 10.2, 10.4)]
    doubts = [0.0, 0.0, 0.0, 0.9, 0.0]
    frames = candidates(5, feature=features, uncertainty=doubts, disagreement=doubts)
    assert 3 in numbers(choose(frames, 2, "mixed", 0))
    assert 3 not in numbers(choose(frames, 2, "novelty", 0))


def test_what_cannot_be_chosen_is_refused() -> None:
    with pytest.raises(ConfigError, match="'beauty'"):
        choose(candidates(2), 1, "beauty", 0)
    with pytest.raises(ConfigError, match="--count 0"):
        choose(candidates(2), 0, "time", 0)
    assert choose([], 3, "novelty", 4) == []


def test_pace_in_time_and_place() -> None:
    every = Pace(2 * SECOND)
    assert [every.takes(n * SECOND, None) for n in (0, 1, 2, 3, 5, 1)] == [True, False, True, False, True, True]
    moved = Pace(0, 2.0)
    places = [(0, 0, 0), (1, 0, 0), (1.5, 1.5, 0), None, (1.5, 3, 0), (1.5, 3.6, 0)]
    assert [moved.takes(n, pose) for n, pose in enumerate(places)] == [True, False, True, False, False, True]
    both = Pace(2 * SECOND, 2.0)
    assert [both.takes(t * SECOND, (x, 0, 0)) for t, x in ((0, 0), (1, 9), (2, 1), (3, 3))] == [
        True,
        False,
        False,
        True,
    ]


def test_doubt_counts_in_the_area_and_at_its_boundary() -> None:
    road = np.zeros((40, 60), np.uint8)
    road[20:] = 255
    sure = np.full(road.shape, 255, np.uint8)
    assert uncertainty(road, sure) == 0.0
    sky, rim, all_road = sure.copy(), sure.copy(), sure.copy()
    sky[:10], rim[18:22], all_road[20:] = 0, 0, 0
    assert uncertainty(road, sky) == 0.0
    assert 0.5 < uncertainty(road, rim) < 0.6 < uncertainty(road, all_road)
    assert uncertainty(np.zeros_like(road), np.full(road.shape, 51, np.uint8)) == pytest.approx(0.8)


def test_an_answer_moves_with_the_picture() -> None:
    """A camera that turns moves picture and answer alike: no disagreement is left but at the rim."""
    rng = np.random.default_rng(1)
    wide = cv2.resize(rng.integers(0, 256, (24, 40, 3)).astype(np.uint8), (400, 240), interpolation=cv2.INTER_CUBIC)
    before, now = wide[:, 10:330].copy(), wide[:, 16:336].copy()
    road = np.zeros((240, 400), np.uint8)
    road[:, 150:260] = 255
    then, current = road[:, 10:330], road[:, 16:336]
    still = disagreement(then, current)
    assert still == pytest.approx(12 / 320)
    assert disagreement(moved_along(then, before, now), current) < 0.25 * still
    assert math.isclose(disagreement(then, then), 0.0)
