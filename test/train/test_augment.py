"""Augmentation moves labels with their pixels, pads with void, and is decided by its generator alone."""

from __future__ import annotations

import dataclasses
import threading
import time

import numpy as np
import pytest

from enet_ros.classes import VOID
from enet_ros.errors import DatasetError
from enet_ros.train.augment import augment, paste
from enet_ros.train.batches import Batches, count_pixels, rare_classes
from enet_ros.train.recipe import NO_AUGMENTATION, Augmentation

GEOMETRY = Augmentation(gamma=0, gain=0, tint=0, contrast=0, saturation=0, noise=0, blur=0, jpeg=0)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Blocks of 16x16 pixels whose grey value is 20 times their label."""
    labels = np.kron(np.arange(12).reshape(3, 4) % 11, np.ones((16, 16))).astype(np.uint8)  # (48, 64)
    return np.repeat((labels * 20)[..., None], 3, 2), labels


def test_nothing_to_do_is_the_identity() -> None:
    image, labels = scene()
    same, same_labels = augment(image, labels, labels.shape, np.random.default_rng(0), NO_AUGMENTATION)
    np.testing.assert_array_equal(same, image)
    np.testing.assert_array_equal(same_labels, labels)


@pytest.mark.parametrize("seed", range(8))
def test_labels_move_with_their_pixels(seed: int) -> None:
    image, labels = augment(*scene(), (40, 56), np.random.default_rng(seed), GEOMETRY)
    assert image.shape == (40, 56, 3) and labels.shape == (40, 56)
    known = labels != VOID
    assert known.mean() > 0.2
    # Away from the blocks' edges, which bilinear sampling blends, the grey value tells the label.
    agree = np.abs(image[..., 0].astype(int) - 20 * labels)[known] <= 1
    assert agree.mean() > 0.6


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
    rare = rare_classes(count_pixels([plain, with_one], 11))
    assert rare.tolist() == [9]

    def shown(paste: float) -> int:
        how = dataclasses.replace(NO_AUGMENTATION, paste=paste)
        batches = [next(Batches([plain, with_one], (32, 48), 2, 1, how, rare).epoch(epoch)) for epoch in range(12)]
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


def test_an_epoch_is_the_same_whenever_it_is_asked_for() -> None:
    pairs = [scene() for _ in range(7)]
    batches = Batches(pairs, (48, 64), 2, 3, Augmentation())
    assert len(batches) == 3
    first = list(batches.epoch(1))
    next(iter(batches.epoch(0)))  # abandoned half-way: the worker thread must end
    again = list(batches.epoch(1))
    assert len(first) == 3
    for (a, b), (c, d) in zip(first, again, strict=True):
        assert a.equal(c) and b.equal(d)
    assert not first[0][0].equal(next(iter(batches.epoch(2)))[0])


def test_a_consumer_that_goes_away_does_not_wait_for_ever() -> None:
    """Two batches lie ready and the worker wants to say that there are no more, when the training step fails."""
    batches = Batches([scene() for _ in range(3)], (48, 64), 1, 3, NO_AUGMENTATION).epoch(0)
    next(batches)
    time.sleep(0.3)
    close = threading.Thread(target=batches.close, daemon=True)
    close.start()
    close.join(30)
    assert not close.is_alive()


def test_an_error_in_the_worker_reaches_the_loop() -> None:
    image, labels = scene()
    with pytest.raises(ValueError, match="unpack"):
        list(Batches([(image, labels[0])], (48, 64), 1, 0, NO_AUGMENTATION).epoch(0))


def test_void_is_not_counted() -> None:
    labels = np.array([[0, 1, 1, VOID]], np.uint8)
    image = np.zeros((1, 4, 3), np.uint8)
    assert count_pixels([(image, labels)], 3).tolist() == [1, 2, 0]
    with pytest.raises(DatasetError, match="void"):
        count_pixels([(image, np.full_like(labels, VOID))], 3)
