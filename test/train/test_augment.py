"""Augmentation moves labels with their pixels, pads with void, and is decided by its generator alone."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from enet_ros.classes import VOID
from enet_ros.errors import DatasetError
from enet_ros.train.augment import augment, paste
from enet_ros.train.batches import Batches, Part, count_pixels, rare_classes
from enet_ros.train.recipe import NO_AUGMENTATION, Augmentation

GEOMETRY = Augmentation(gamma=0, gain=0, tint=0, contrast=0, saturation=0, effects=0)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Blocks of 16x16 pixels whose grey value is 20 times their label."""
    labels = np.kron(np.arange(12).reshape(3, 4) % 11, np.ones((16, 16))).astype(np.uint8)  # (48, 64)
    return np.repeat((labels * 20)[..., None], 3, 2), labels


def test_nothing_to_do_is_the_identity() -> None:
    image, labels = scene()
    same, same_labels = augment(image, labels, labels.shape, np.random.default_rng(0), NO_AUGMENTATION)
    np.testing.assert_array_equal(same, image)
    np.testing.assert_array_equal(same_labels, labels)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("how", [GEOMETRY, GEOMETRY.with_(wide=2.5, distort=0.3)], ids=["usual", "wide and bent"])
def test_labels_move_with_their_pixels(seed: int, how: Augmentation) -> None:
    image, labels = augment(*scene(), (40, 56), np.random.default_rng(seed), how)
    assert image.shape == (40, 56, 3) and labels.shape == (40, 56)
    known = labels != VOID
    assert known.mean() > 0.2
    # Away from the blocks' edges, which bilinear sampling blends, the grey value tells the label.
    agree = np.abs(image[..., 0].astype(int) - 20 * labels)[known] <= 1
    assert agree.mean() > 0.6


def blocks_seen(labels: np.ndarray) -> tuple[float, float]:
    """Width and height in pixels of the largest block of one label."""
    runs = [max(np.diff(np.flatnonzero(np.diff(line, prepend=-1, append=-1)))) for line in labels.astype(int)]
    columns = [max(np.diff(np.flatnonzero(np.diff(line, prepend=-1, append=-1)))) for line in labels.T.astype(int)]
    return float(np.median(runs)), float(np.median(columns))


def test_a_frame_of_another_size_is_seen_as_the_network_sees_it() -> None:
    """Blocks of 16x16 in a frame of 64x48 that the network sees at 128x48 are 32x16, in a smaller cut too."""
    for size in ((48, 128), (40, 64)):
        _, labels = augment(*scene(), size, np.random.default_rng(0), NO_AUGMENTATION.with_(frame=(48, 128)))
        assert labels.shape == size and blocks_seen(labels) == (32, 16)


def test_wide_images_are_squeezed() -> None:
    """In half of the frames things are up to `wide` times as high as they are wide, and never wider."""
    how = NO_AUGMENTATION.with_(wide=2.0)
    ratios = []
    for seed in range(40):
        wide, high = blocks_seen(augment(*scene(), (48, 64), np.random.default_rng(seed), how)[1])
        ratios.append(high / wide)
    assert min(ratios) >= 0.95 and 1.6 < max(ratios) <= 2.1
    assert 10 <= sum(ratio > 1.05 for ratio in ratios) <= 30


def test_a_lens_bends_what_is_straight() -> None:
    """Of a grid of lines, those of the middle stay and those at the edge bulge, on one side or the other."""
    lines = np.zeros((96, 128), np.uint8)
    lines[:, ::16] = 1
    found = [augment(np.dstack([lines * 200] * 3), lines, (96, 128), np.random.default_rng(seed), how)[1]
             for how in (NO_AUGMENTATION.with_(distort=0.3),) for seed in range(12)]  # fmt: skip
    bent = [one for one in found if (one != lines).any()]
    assert 1 <= len(bent) < 12
    for one in bent:
        assert np.flatnonzero(one[48] == 1).size > 4
        assert not np.array_equal(one[2], one[48])


def test_effects_are_drawn_up_to_the_severity() -> None:
    image, labels = scene()
    changed = []
    for seed in range(60):
        seen, same = augment(
            image, labels, labels.shape, np.random.default_rng(seed), NO_AUGMENTATION.with_(effects=0.5, severity=3.0)
        )
        np.testing.assert_array_equal(same, labels)
        changed.append((seen != image).any())
    assert 30 <= sum(changed) <= 58  # three in four frames have one or two
    still = NO_AUGMENTATION.with_(effects=1.0, severity=0.0)
    seen, _ = augment(image, labels, labels.shape, np.random.default_rng(2), still)
    assert np.abs(seen.astype(int) - image).mean() < 3


def test_rare_classes_are_laid_over_another_frame() -> None:
    rare = np.array([2, 7], np.uint8)
    below, above = scene(), tuple(np.roll(array, 16, 0) for array in scene())
    image, labels = paste(below, above, rare, mirror=False)
    taken = np.isin(above[1], rare)
    assert 0 < taken.sum() < taken.size
    np.testing.assert_array_equal(labels, np.where(taken, above[1], below[1]))
    np.testing.assert_array_equal(image[..., 0], 20 * labels)
    np.testing.assert_array_equal(below[1], scene()[1])
    mirrored = paste(below, above, rare, mirror=True)[1]
    np.testing.assert_array_equal(mirrored, np.where(taken[:, ::-1], above[1][:, ::-1], below[1]))


def test_batches_hold_the_rare_classes_of_other_frames() -> None:
    """One frame has a pedestrian; with paste 1 others show it too, and their colour goes with the label."""
    plain = (np.full((32, 48, 3), 60, np.uint8), np.full((32, 48), 3, np.uint8))
    with_one = tuple(array.copy() for array in plain)
    with_one[0][8:16, 8:16], with_one[1][8:16, 8:16] = 180, 9
    rare = rare_classes(np.pad(count_pixels([Part([plain, with_one])]), (0, 1)))
    assert rare.tolist() == [9]

    def shown(paste: float) -> int:
        how = dataclasses.replace(NO_AUGMENTATION, paste=paste)
        batches = [
            next(Batches([Part([plain, with_one])], (32, 48), 2, 1, how, rare).epoch(epoch)) for epoch in range(12)
        ]
        for images, labels in batches:
            np.testing.assert_array_equal(images.numpy()[..., 0] == 180, labels.numpy() == 9)
        return sum(int((labels == 9).flatten(1).any(1).sum()) for _, labels in batches)

    assert shown(0.0) == 12 < shown(1.0) < 24


def test_the_generator_decides_everything() -> None:
    first, again = (augment(*scene(), (48, 64), np.random.default_rng(5), Augmentation()) for _ in range(2))
    other = augment(*scene(), (48, 64), np.random.default_rng(6), Augmentation())
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[0] != other[0]).any()


def test_an_epoch_is_the_same_whenever_it_is_asked_for_and_whoever_makes_it(workers: int = 0) -> None:
    pairs = [scene() for _ in range(7)]
    first = list(Batches([Part(pairs)], (48, 64), 2, 3, Augmentation()).epoch(1))
    batches = Batches([Part(pairs)], (48, 64), 2, 3, Augmentation(), workers=workers)
    assert len(batches) == 3
    next(iter(batches.epoch(0)))  # abandoned half-way: the worker must end
    again = list(batches.epoch(1))
    assert len(first) == 3
    for (a, b), (c, d) in zip(first, again, strict=True):
        assert a.equal(c) and b.equal(d)
    assert not first[0][0].equal(next(iter(batches.epoch(2)))[0])


def test_each_set_has_its_share_of_an_epoch() -> None:
    """Grey values tell the frames; a share of 0.5 takes other frames in other epochs, 2.5 each twice or thrice."""
    many, few = ([(np.full((8, 8, 3), grey, np.uint8), np.zeros((8, 8), np.uint8)) for grey in greys]
                 for greys in (range(10, 20), range(100, 104)))  # fmt: skip
    batches = Batches([Part(many, 0.5), Part(few, 2.5)], (8, 8), 3, 7, NO_AUGMENTATION)
    assert len(batches) == 5
    epochs = [np.concatenate([images.numpy()[:, 0, 0, 0] for images, _ in batches.epoch(e)]) for e in range(4)]
    for drawn in epochs:
        greys, times = np.unique(drawn, return_counts=True)
        assert (times[greys < 100] == 1).all() and (greys < 100).sum() == 5
        assert set(greys[greys >= 100]) == {100, 101, 102, 103} and set(times[greys >= 100]) == {2, 3}
    assert len({frozenset(drawn[drawn < 100].tolist()) for drawn in epochs}) > 1
    assert any(
        (drawn[:5] >= 100).any() and (drawn[:5] < 100).any() for drawn in epochs
    )  # mixed, not one after the other


def test_rare_classes_of_a_frame_of_another_size_are_resized() -> None:
    image, labels = scene()
    large = tuple(np.kron(array, np.ones((2, 2, 1)[: array.ndim], np.uint8)) for array in (image, labels))
    pasted, truth = paste(
        (image, labels), (np.roll(large[0], 32, 0), np.roll(large[1], 32, 0)), np.array([2], np.uint8), False
    )
    assert (truth == 2).sum() == 2 * 16 * 16
    assert truth.shape == labels.shape and pasted.shape == image.shape


def test_a_consumer_that_goes_away_does_not_wait_for_ever() -> None:
    """Two batches lie ready and the worker wants to say that there are no more, when the training step fails."""
    batches = Batches([Part([scene() for _ in range(3)])], (48, 64), 1, 3, NO_AUGMENTATION).epoch(0)
    next(batches)
    time.sleep(0.3)
    close = threading.Thread(target=batches.close, daemon=True)
    close.start()
    close.join(30)
    assert not close.is_alive()


def test_an_error_in_the_worker_reaches_the_loop(workers: int = 0) -> None:
    image, labels = scene()
    with pytest.raises(ValueError, match="unpack"):
        list(Batches([Part([(image, labels[0])])], (48, 64), 1, 0, NO_AUGMENTATION, workers=workers).epoch(0))


def test_void_is_not_counted() -> None:
    labels = np.array([[0, 1, 1, VOID]], np.uint8)
    image = np.zeros((1, 4, 3), np.uint8)
    assert count_pixels([Part([(image, labels)])]).tolist() == [1, 2]
    with pytest.raises(DatasetError, match="void"):
        count_pixels([Part([(image, np.full_like(labels, VOID))])])


def test_processes_do_what_the_thread_does() -> None:
    """In a process of its own, as torch changes what signals do in one that has had workers."""
    subprocess.run([sys.executable, __file__], check=True, timeout=240)


if __name__ == "__main__":
    test_an_epoch_is_the_same_whenever_it_is_asked_for_and_whoever_makes_it(workers=2)
    test_an_error_in_the_worker_reaches_the_loop(workers=2)
