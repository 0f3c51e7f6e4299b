"""Batches: a dataset held in memory, drawn and augmented so that (seed, epoch, position) alone decides every pixel."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from enet_ros.classes import VOID
from enet_ros.datasets.base import Pair
from enet_ros.errors import DatasetError
from enet_ros.train.augment import augment, paste
from enet_ros.train.recipe import Augmentation

Batch = tuple[torch.Tensor, torch.Tensor]
"""images (N, H, W, 3) uint8 and labels (N, H, W) uint8"""


def count_pixels(pairs: list[Pair], num_classes: int) -> npt.NDArray[np.int64]:
    """(C,) pixels of each class over all labels, void left out. DatasetError where nothing else is left."""
    total = np.zeros(256, np.int64)
    for _, labels in pairs:
        total += np.bincount(labels.ravel(), minlength=256)
    if not total[:num_classes].any():
        raise DatasetError(f"all labels of the {len(pairs)} frames to train on are void; check the class table")
    return total[:num_classes]


def rare_classes(pixels: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """The classes that have pixels, but less than half of an even share of them."""
    return np.flatnonzero((pixels > 0) & (pixels < 0.5 * pixels.sum() / len(pixels))).astype(np.uint8)


class Batches:
    """The batches of one epoch after another; a last batch that is not full is left out.

    `rare` are the class ids that `Augmentation.paste` lays over other frames. One thread augments ahead of the training
    step (OpenCV releases the GIL).
    """

    def __init__(
        self,
        pairs: list[Pair],
        size: tuple[int, int],
        batch: int,
        seed: int,
        how: Augmentation,
        rare: npt.NDArray[np.uint8] | None = None,
    ) -> None:
        self._pairs, self._size, self._seed, self._how = pairs, size, seed, how
        self._rare = np.empty(0, np.uint8) if rare is None else rare
        self.batch = min(batch, len(pairs))

    def __len__(self) -> int:
        """Batches an epoch."""
        return len(self._pairs) // self.batch

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, the same ones whenever it is asked for."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._pairs))
        ready: queue.Queue[Batch | BaseException | None] = queue.Queue(maxsize=2)
        stop = threading.Event()

        def hand_over(item: Batch | BaseException | None) -> None:
            while not stop.is_set():  # a consumer that went away takes nothing more
                try:
                    return ready.put(item, timeout=0.2)
                except queue.Full:
                    continue

        def work() -> None:
            try:
                for start in range(0, len(self) * self.batch, self.batch):
                    if stop.is_set():
                        return
                    hand_over(self._make(epoch, order[start : start + self.batch]))
                hand_over(None)
            except BaseException as error:  # noqa: BLE001 (handed to the consumer, which raises it)
                hand_over(error)

        worker = threading.Thread(target=work, name="augment", daemon=True)
        worker.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stop.set()
            worker.join()

    def _make(self, epoch: int, indices: npt.NDArray[np.int64]) -> Batch:
        height, width = self._size
        images = np.empty((len(indices), height, width, 3), np.uint8)
        labels = np.full((len(indices), height, width), VOID, np.uint8)
        for row, index in enumerate(indices):
            rng = np.random.default_rng((self._seed, epoch, int(index)))
            image, truth = self._pairs[index]
            if self._rare.size and rng.random() < self._how.paste:
                other = self._pairs[int(rng.integers(len(self._pairs)))]
                image, truth = paste((image, truth), other, self._rare, rng.random() < self._how.flip)
            images[row], labels[row] = augment(image, truth, self._size, rng, self._how)
        return torch.from_numpy(images), torch.from_numpy(labels)
