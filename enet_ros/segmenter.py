"""From image to labels: stretch to the network's size, infer, map the ids, scale back. Everything goes this way."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.classes import label_map
from enet_ros.engines.base import Inference
from enet_ros.errors import ConfigError, EngineError, ImageError
from enet_ros.products.images import nearest, unsure_mask

if TYPE_CHECKING:
    from enet_ros.engines.base import Engine


class Segmentation(NamedTuple):
    """One frame's answer. The arrays belong to the caller: no later frame writes into them.

    labels: (H, W) uint8 class ids, VOID (255) where the network says 'unlabeled'.
    confidence: (H, W) uint8, 255 times the probability of the label; None where it was not asked for.
    preprocess_ns, infer_ns, postprocess_ns: nanoseconds of the monotonic clock.
    """

    labels: U8
    confidence: U8 | None
    preprocess_ns: int
    infer_ns: int
    postprocess_ns: int


class Segmenter:
    """Runs an engine on images of any size, in three steps that can be used apart: prepare, infer, finish.

    The image is stretched to the network's size (the aspect ratio is not kept, nothing is cropped), labels and
    confidence are scaled back by nearest neighbour. `prepare` and `finish` may be called from any thread; the rest is
    for one thread at a time. The engine stays the caller's to close.
    """

    def __init__(
        self,
        engine: Engine,
        card: ModelCard,
        ids: U8 | None = None,
        *,
        full_resolution: bool = True,
        caution: float = 0.0,
    ) -> None:
        """Prepare the tables.

        ids: (256,) uint8, the answer's id of each of the network's (`label_map`); by default the network's own, its
        void output as VOID. full_resolution: answer at the image's size; otherwise at the network's, `size_hw`.
        caution: the least probability, 0..1, with which a pixel keeps a drivable label; with less the answer is VOID.
        More of it leaves less that is drivable, never more, and touches no other label. ConfigError outside 0..1.
        """
        if not 0.0 <= caution <= 1.0:
            raise ConfigError(f"caution is {caution}; use a probability 0..1")
        self.caution = caution
        self._engine = engine
        self._full_resolution = full_resolution
        self.size_hw = engine.info.size
        """(height, width) of the network's input and of its labels."""
        self._input = np.empty((*self.size_hw, 3), np.uint8)
        own = label_map(card.classes, card.classes) if card.classes.void is not None else None
        self._ids = own if ids is None else ids
        self._drivable = card.classes.membership(card.classes.drivable)

    def segment(self, image: U8, *, confidence: bool = False) -> Segmentation:
        """Labels of an (H, W, 3) uint8 RGB image (a strided or read-only view will do).

        Raises ImageError for another shape or type, EngineError where the engine fails.
        """
        started = time.monotonic_ns()
        network_input = self.prepare(image, self._input)
        prepared = time.monotonic_ns()
        inference = self._engine.infer(network_input, confidence=confidence or self.caution > 0)
        inferred = time.monotonic_ns()
        labels, sureness = self.finish(inference, self._answer_size(image))
        done = time.monotonic_ns()
        return Segmentation(labels, sureness, prepared - started, inferred - prepared, done - inferred)

    def segment_many(self, images: Iterable[U8], *, confidence: bool = False) -> Iterator[Inference]:
        """Labels of many images in their order, for throughput instead of latency. Raises as `segment`."""
        sizes: deque[tuple[int, int]] = deque()

        def inputs() -> Iterator[U8]:
            for image in images:
                sizes.append(self._answer_size(image))
                yield self.prepare(image)

        for inference in self.infer_many(inputs(), confidence=confidence):
            yield self.finish(inference, sizes.popleft())

    def prepare(self, image: U8, into: U8 | None = None) -> U8:
        """The network's input, (h, w, 3) uint8 of `size_hw`, for an (H, W, 3) uint8 RGB image.

        into: an array to fill; without one, an image of that size already is returned itself. Raises ImageError.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise ImageError(f"image of shape {image.shape} and type {image.dtype}: pass (H, W, 3) uint8 RGB")
        return stretched(image, self.size_hw, into)

    def infer_many(
        self, inputs: Iterable[U8], *, confidence: bool = False, in_flight: int = 0
    ) -> Generator[Inference, None, None]:
        """The engine's answers to prepared images, in their order, each still to be passed to `finish`."""
        wanted = confidence or self.caution > 0
        yield from self._engine.infer_many(inputs, confidence=wanted, in_flight=in_flight)

    def finish(self, inference: Inference, size_hw: tuple[int, int]) -> Inference:
        """The answer: ids through the table, labels and confidence at (height, width).

        Raises EngineError for an inference of another size, or without the confidence that caution needs.
        """
        labels, confidence = inference
        for plane in (labels,) if confidence is None else (labels, confidence):
            if plane.shape != self.size_hw or plane.dtype != np.uint8:
                raise EngineError(
                    f"engine {self._engine.info.name} returned {plane.shape} {plane.dtype}, not {self.size_hw} uint8:"
                    " rebuild the engine from its model"
                )
        unsure = self._unsure(inference) if self.caution else None
        if self._ids is not None:
            labels = np.asarray(cv2.LUT(labels, self._ids), np.uint8)
        if unsure is not None:
            labels = labels | unsure  # VOID is 255
        return Inference(nearest(labels, size_hw), None if confidence is None else nearest(confidence, size_hw))

    def _unsure(self, inference: Inference) -> U8:
        """(h, w) uint8: 255 where a drivable label is less probable than caution asks, 0 elsewhere."""
        if inference.confidence is None:
            raise EngineError("caution needs the confidence, which was not asked of the engine")
        drivable = np.asarray(cv2.LUT(inference.labels, self._drivable), np.uint8)
        return drivable & unsure_mask(inference.confidence, self.caution)

    def _answer_size(self, image: U8) -> tuple[int, int]:
        return (image.shape[0], image.shape[1]) if self._full_resolution else self.size_hw


def stretched(image: U8, size_hw: tuple[int, int], into: U8 | None = None) -> U8:
    """An (H, W, 3) uint8 image stretched to (height, width), without aliasing; into: an array to fill.

    Box halves while the image is twice as large or more, then linear: every source pixel counts, at a fifth of the time
    of cv2.INTER_AREA for 1280x720 to 480x360. From 960x720 it is the same 2x2 mean. Without `into`, an image of that
    size already is returned itself.
    """
    height, width = size_hw
    if image.shape[:2] == size_hw:
        if into is None:
            return image
        np.copyto(into, image)
        return into
    while _halves_towards(image.shape[0], height) and _halves_towards(image.shape[1], width):
        half = (image.shape[1] // 2, image.shape[0] // 2)
        if half == (width, height):
            break
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    coarse = image.shape[0] > 2 * height or image.shape[1] > 2 * width
    method = cv2.INTER_AREA if coarse else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), dst=into, interpolation=method), np.uint8)


def _halves_towards(source: int, target: int) -> bool:
    return source % 2 == 0 and source >= 2 * target
