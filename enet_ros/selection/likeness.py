"""Near-duplicates by a perceptual hash: dHash (Krawetz 2013), the signs of the horizontal gradient of an 8x8 picture.

The library imagehash would bring scipy and PyWavelets for these lines, and OpenCV's img_hash is in its contrib package.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.arrays import U8

Hashes = npt.NDArray[np.uint64]


def dhash(rgb: U8) -> int:
    """64 bits of an (H, W, 3) uint8 RGB image; pictures that look alike differ in few of them."""
    grey = cv2.cvtColor(cv2.resize(rgb, (9, 8), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return int.from_bytes(np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes(), "big")


class Kept:
    """The hashes of the frames taken so far."""

    def __init__(self, unlike: int) -> None:
        """unlike: the number of bits, 0..64, in which two frames must differ at least; 0 takes every frame."""
        self._unlike = unlike
        self._hashes: Hashes = np.empty(64, np.uint64)
        self._count = 0

    def takes(self, value: int) -> bool:
        """Whether a hash is unlike all those taken; it is then one of them."""
        known = self._hashes[: self._count]
        if self._unlike and self._count and int(bits_apart(known, value).min()) < self._unlike:
            return False
        if self._count == len(self._hashes):
            self._hashes = np.concatenate((self._hashes, np.empty_like(self._hashes)))
        self._hashes[self._count] = value
        self._count += 1
        return True


def bits_apart(hashes: Hashes | Sequence[int], value: int) -> npt.NDArray[np.int64]:
    """(N,) in how many bits each of some hashes differs from one."""
    different = np.asarray(hashes, np.uint64) ^ np.uint64(value)
    return np.asarray(np.unpackbits(different.view(np.uint8).reshape(-1, 8), axis=1).sum(1), np.int64)
