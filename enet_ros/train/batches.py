"""Batches: datasets held in memory, drawn and augmented so that (seed, epoch, position) alone decides every pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from enet_ros.arrays import I64, U8
from enet_ros.classes import VOID
from enet_ros.datasets.base import Pair
from enet_ros.errors import DatasetError
from enet_ros.ordered import ordered
from enet_ros.train.augment import augment, paste
from enet_ros.train.processes import own_rows
from enet_ros.train.recipe import Augmentation

Batch = tuple[torch.Tensor, torch.Tensor]
"""images (N, H, W, 3) uint8 and labels (N, H, W) uint8"""
AHEAD = 3
"""Batches that are made or ready before the training step asks for them, for each thread or process that makes them."""


class Part(NamedTuple):
    """A dataset of a run, its labels in the run's target values, and how often an epoch takes each of its frames."""

    pairs: list[Pair]
    share: float = 1.0

    @property
    def draws(self) -> int:
        """How many frames an epoch takes of it."""
        return max(1, round(self.share * len(self.pairs)))


def repeated(parts: Sequence[Part], least: int) -> list[Part]:
    """The parts with their shares raised by one factor, so that an epoch takes about `least` frames or more."""
    factor = max(1.0, least / sum(part.draws for part in parts))
    return [part._replace(share=part.share * factor) for part in parts]


def count_pixels(parts: Sequence[Part]) -> I64:
    """(V,) pixels of each target value up to the greatest there is, void left out. DatasetError where all are void."""
    total = np.zeros(256, np.int64)
    for part in parts:
        for _, labels in part.pairs:
            total += np.bincount(labels.ravel(), minlength=256)
    if not total[:VOID].any():
        frames = sum(len(part.pairs) for part in parts)
        raise DatasetError(f"all labels of the {frames} frames to train on are void; check the class table")
    return total[: np.flatnonzero(total[:VOID])[-1] + 1]


def rare_classes(pixels: I64) -> U8:
    """The classes that have pixels, but less than half of an even share of them."""
    return np.flatnonzero((pixels > 0) & (pixels < 0.5 * pixels.sum() / len(pixels))).astype(np.uint8)


class Draw(NamedTuple):
    """What decides of a batch: its epoch, the number of its first frame there, and (N, 2) part and frame of each."""

    epoch: int
    start: int
    frames: I64


class Batches(Dataset[Batch]):
    """The batches of one epoch after another, or this process's part of them; a last one that is not full is left out.

    `rare` are the class ids that `Augmentation.paste` lays over other frames. One thread makes batches ahead of the
    training step (OpenCV releases the GIL), which feeds a CPU. A GPU wants `workers` processes, which share the frames,
    and memory that it can copy from by itself (`pin`).
    """

    def __init__(
        self,
        parts: Sequence[Part],
        size: tuple[int, int],
        batch: int,
        seed: int,
        how: Augmentation,
        rare: U8 | None = None,
        workers: int = 0,
        pin: bool = False,
    ) -> None:
        self._parts, self._size, self._seed, self._how = parts, size, seed, how
        self._rare = np.empty(0, np.uint8) if rare is None else rare
        self._frames = sum(part.draws for part in parts)
        self.batch = min(batch, self._frames)
        self._plan = _Plan()
        self._loader = _loader(self, self._plan, workers, pin) if workers else None

    def __len__(self) -> int:
        """Batches an epoch."""
        return self._frames // self.batch

    def _order(self, epoch: int) -> I64:
        """(F, 2) part and frame of an epoch's draws: each part's frames as often as its share says, shuffled."""
        rng = np.random.default_rng((self._seed, epoch))
        draws = []
        for number, part in enumerate(self._parts):
            rounds = -(-part.draws // len(part.pairs))
            frames = np.concatenate([rng.permutation(len(part.pairs)) for _ in range(rounds)])[: part.draws]
            draws.append(np.stack([np.full_like(frames, number), frames], 1))
        return rng.permutation(np.concatenate(draws))

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, the same ones whenever it is asked for, whoever makes them."""
        order, mine = self._order(epoch), own_rows(self.batch)
        starts = range(mine.start, len(self) * self.batch, self.batch)
        draws = [Draw(epoch, start, order[start : start + mine.stop - mine.start]) for start in starts]
        if self._loader is None:
            with ThreadPoolExecutor(1, "augment") as pool:
                yield from ordered(self.__getitem__, draws, pool, AHEAD)
        else:
            self._plan.draws = draws
            yield from self._loader

    def __getitem__(self, draw: Draw) -> Batch:
        """Make one batch."""
        height, width = self._size
        images = np.empty((len(draw.frames), height, width, 3), np.uint8)
        labels = np.full((len(draw.frames), height, width), VOID, np.uint8)
        for row, (number, frame) in enumerate(draw.frames):
            rng = np.random.default_rng((self._seed, draw.epoch, draw.start + row))
            pairs = self._parts[number].pairs
            image, truth = pairs[frame]
            if self._rare.size and rng.random() < self._how.paste:
                other = pairs[int(rng.integers(len(pairs)))]
                image, truth = paste((image, truth), other, self._rare, rng.random() < self._how.flip)
            images[row], labels[row] = augment(image, truth, self._size, rng, self._how)
        return torch.from_numpy(images), torch.from_numpy(labels)


class _Plan(Sampler[Draw]):
    """The draws of the epoch that is asked for next, in order."""

    draws: Sequence[Draw] = ()

    def __iter__(self) -> Iterator[Draw]:
        return iter(self.draws)


def _loader(batches: Batches, plan: _Plan, workers: int, pin: bool) -> DataLoader[Batch]:
    """Processes that make batches; forked, so that they share the memory of the frames."""
    return DataLoader(
        batches,
        batch_size=None,
        sampler=plan,
        num_workers=workers,
        prefetch_factor=AHEAD,
        persistent_workers=True,
        pin_memory=pin,
        multiprocessing_context="fork",
        worker_init_fn=_begin_worker,
    )


def _begin_worker(number: int) -> None:
    """One thread each; those that OpenCV had before the fork are not there any more."""
    cv2.setNumThreads(0)
