"""A camera image in, class labels at camera resolution out: resize, engine, scale back, each timed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.card import ModelCard
from enet_ros.classes import VOID
from enet_ros.errors import EngineError, ImageError

if TYPE_CHECKING:
    from enet_ros.engines.base import Engine

_UINT8 = npt.NDArray[np.uint8]


class Segmentation(NamedTuple):
    """One frame's answer. The arrays belong to the caller: no later frame writes into them.

    labels: (H, W) uint8 class ids, VOID (255) where the network says 'unlabeled'.
    confidence: (H, W) uint8, 255 times the probability of the label; None where it was not asked for.
    preprocess_ns, infer_ns, postprocess_ns: nanoseconds of the monotonic clock.
    """

    labels: _UINT8
    confidence: _UINT8 | None
    preprocess_ns: int
    infer_ns: int
    postprocess_ns: int


class Segmenter:
    """Runs an engine on images of any size.

    The image is stretched to the network's size (the aspect ratio is not kept, nothing is cropped), labels
    and confidence are scaled back by nearest neighbour. Use from one thread at a time; the engine stays the
    caller's to close.
    """

    def __init__(self, engine: Engine, card: ModelCard, *, full_resolution: bool = True) -> None:
        """full_resolution: answer at the image's size; otherwise at the network's, `engine.info.size`."""
        self._engine = engine
        self._full_resolution = full_resolution
        self._size_hw = engine.info.size
        self._input = np.empty((*self._size_hw, 3), np.uint8)
        self._to_mask = None if card.classes.void is None else _void_table(card.classes.void)

    def segment(self, image: _UINT8, *, confidence: bool = False) -> Segmentation:
        """Labels of an (H, W, 3) uint8 RGB image (a strided or read-only view will do).

        Raises ImageError for another shape or type, EngineError where the engine fails.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise ImageError(f"image of shape {image.shape} and type {image.dtype}: pass (H, W, 3) uint8 RGB")
        started = time.monotonic_ns()
        resize_into(image, self._input)
        prepared = time.monotonic_ns()
        answer = self._engine.infer(self._input, confidence=confidence)
        inferred = time.monotonic_ns()
        size_hw = image.shape[:2] if self._full_resolution else self._size_hw
        labels = self._finish(answer.labels, size_hw, self._to_mask)
        sureness = None if answer.confidence is None else self._finish(answer.confidence, size_hw, None)
        done = time.monotonic_ns()
        return Segmentation(labels, sureness, prepared - started, inferred - prepared, done - inferred)

    def _finish(self, plane: _UINT8, size_hw: tuple[int, ...], table: _UINT8 | None) -> _UINT8:
        """The plane through the table and at the size asked for; the engine gave it away for good."""
        if plane.shape != self._size_hw or plane.dtype != np.uint8:
            raise EngineError(
                f"engine {self._engine.info.name} returned {plane.shape} {plane.dtype}, not {self._size_hw} uint8:"
                " rebuild the engine from its model"
            )
        if table is not None:
            plane = np.asarray(cv2.LUT(plane, table), np.uint8)
        if plane.shape == size_hw:
            return plane
        height, width = size_hw
        # The exact kind picks the pixel whose centre is nearest, which agrees with the resize of the input.
        return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def resize_into(image: _UINT8, target: _UINT8) -> None:
    """Stretch an (H, W, 3) uint8 image to fill `target`, without aliasing.

    Box halves while the image is twice as large or more, then linear: every source pixel counts, at a fifth
    of the time of cv2.INTER_AREA for 1280x720 to 480x360. From 960x720 it is the same 2x2 mean.
    """
    height, width = target.shape[:2]
    if image.shape == target.shape:
        np.copyto(target, image)
        return
    while _halves_towards(image.shape[0], height) and _halves_towards(image.shape[1], width):
        half = (image.shape[1] // 2, image.shape[0] // 2)
        if half == (width, height):
            break
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    coarse = image.shape[0] > 2 * height or image.shape[1] > 2 * width
    cv2.resize(image, (width, height), dst=target, interpolation=cv2.INTER_AREA if coarse else cv2.INTER_LINEAR)


def _halves_towards(source: int, target: int) -> bool:
    return source % 2 == 0 and source >= 2 * target


def _void_table(void: int) -> _UINT8:
    table = np.arange(256, dtype=np.uint8)
    table[void] = VOID
    return table
