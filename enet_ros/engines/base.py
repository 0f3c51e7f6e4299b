"""The interface of every engine, whatever its runtime: a uint8 image goes in, uint8 labels come out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.errors import EngineError
from enet_ros.figures import percent, size_text

PRECISIONS = ("auto", "fp32", "fp16", "bf16", "int8")
KEEPS = 0.995
"""Share of the labels that a precision has to keep to be chosen by "auto"."""


class Inference(NamedTuple):
    """The labels of one image at the engine's size. The arrays are the caller's to keep.

    labels      (H, W) uint8, index of the network's largest output
    confidence  (H, W) uint8, round(255 * soft-max probability of that output), or None where not asked for
    """

    labels: U8
    confidence: U8 | None


class EngineInfo(NamedTuple):
    """What an engine runs on, for logs and diagnostics.

    name       the engine's name in `create`
    runtime    the library and its version
    device     what it computes on
    precision  "fp32", "fp16", "bf16" or "int8"
    size       (height, width) of the images it takes
    threads    CPU threads it uses; 0 is the runtime's own choice
    load_ms    milliseconds from `create` to ready, warm-up included; `create` sets it
    why        why precision "auto" is this one, where there was a choice
    model      `identity` of the model file, where results are kept
    """

    name: str
    runtime: str
    device: str
    precision: str
    size: tuple[int, int]
    threads: int = 0
    load_ms: float = 0.0
    why: str = ""
    model: str = ""

    @property
    def kind(self) -> tuple[object, ...]:
        """What decides its answers."""
        return self.name, self.runtime, self.precision, self.size, self.model

    @property
    def chosen(self) -> str:
        """The precision, and why it is that one, for logs."""
        return f"{self.precision} ({self.why})" if self.why else self.precision

    @property
    def text(self) -> str:
        """All of it that bears on the answers, for people."""
        return f"{self.name} ({self.runtime}) on {self.device}, {self.precision}, {size_text(self.size)}"


class EngineOptions(NamedTuple):
    """Options of an engine; `enet_ros.engines.create` explains them."""

    size: tuple[int, int] | None = None
    precision: str = "auto"
    threads: int = 0
    confidence: bool = False
    device: str = "auto"
    cache_dir: Path | None = None


def check_image(image: U8, size: tuple[int, int]) -> U8:
    """The image, copied where it is not contiguous. Raises EngineError where it is not (H, W, 3) uint8 of that size."""
    expected = (*size, 3)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.shape != expected:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise EngineError(
            f"the engine takes a uint8 {expected} RGB image, got {found}; resize it or create the engine for its size"
        )
    return np.require(image, requirements=("C", "W"))  # OpenVINO and torch share memory only where they could write


def chosen_precision(wanted: str, able: Sequence[str], what: str) -> str:
    """The precision asked for, or with "auto" the first that `what` is able to compute in. Raises EngineError."""
    if wanted == "auto":
        return able[0]
    if wanted not in able:
        hint = "; `enet_ros export --precision int8 --calibration DIR` writes a file for int8" * (wanted == "int8")
        raise EngineError(f"{what} does not compute in {wanted}; use precision {' or '.join(able)}{hint}")
    return wanted


def keeps_labels(card: ModelCard, precision: str, size: tuple[int, int]) -> tuple[bool, str]:
    """Whether a model's card says that a precision keeps the labels at (height, width), and a sentence that says why.

    The card holds what `enet_ros models --measure` found, at the model's own size; what was not measured does not keep.
    """
    kept = dict(card.metrics).get(kept_metric(precision))
    if kept is None:
        return False, f"what {precision} would change was not measured for this model"
    if size != card.input_size:
        return False, f"what {precision} would change was measured at {size_text(card.input_size)} alone"
    return kept >= KEEPS, f"{precision} keeps {percent(kept, 2)} % of the labels, {percent(KEEPS)} % are asked"


def kept_metric(precision: str) -> str:
    """Name in a card's metrics of the share of the float32 labels that a precision keeps."""
    return f"labels_kept_by_{precision}"


class Engine(ABC):
    """An inference runtime with a model in it. One thread at a time may use it; any thread may be that one.

    A subclass loads the model in its constructor, computes in `_run` and frees in `_free`.
    """

    def __init__(self, info: EngineInfo) -> None:
        self.info = info
        self._closed = False

    def infer(self, image: U8, *, confidence: bool = False) -> Inference:
        """Labels of one image (H, W, 3) uint8 RGB of the engine's size.

        Raises EngineError where shape or dtype differ from `info.size`, or where the runtime fails.
        """
        self._check_open()
        image = check_image(image, self.info.size)
        try:
            return self._run(image, confidence)
        except EngineError:
            raise
        except Exception as error:  # a runtime raises what it likes
            raise EngineError(f"{self.info.runtime} failed on an image: {error}") from error

    def infer_many(self, images: Iterable[U8], *, confidence: bool = False, in_flight: int = 0) -> Iterator[Inference]:
        """Labels of many images, in their order, for throughput instead of latency.

        in_flight  how many images are worked on at once; 0 lets the engine choose. They are copied: the caller may hand
                   in one buffer again and again.
        """
        for image in images:
            yield self.infer(image, confidence=confidence)

    def lanes(self, users: int) -> list[Engine]:
        """Engines over the same network that may run at once: as many as `users` threads gain by, at least one.

        They end with this engine, and give confidence where it was made with the option `confidence`. The same number
        gives the same engines. Raises EngineError.
        """
        return [self]

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError(f"the {self.info.name} engine is closed; create a new one")

    def close(self) -> None:
        """Free the runtime; the engine cannot be used afterwards. May be called twice."""
        if not self._closed:
            self._closed = True
            self._free()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _run(self, image: U8, confidence: bool) -> Inference:
        """Labels of a checked image."""

    @abstractmethod
    def _free(self) -> None:
        """Free the runtime."""
