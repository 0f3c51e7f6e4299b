"""The interface of every engine, whatever its runtime: a uint8 image goes in, uint8 labels come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from enet_ros.arrays import U8
from enet_ros.errors import EngineError

PRECISIONS = ("auto", "fp32", "fp16", "bf16", "int8")


class Inference(NamedTuple):
    """One frame's result at the engine's size. The arrays are the caller's to keep.

    labels      (H, W) uint8, index of the network's largest output
    confidence  (H, W) uint8, round(255 * soft-max probability of that output), or None where not asked for
    """

    labels: U8
    confidence: U8 | None


class EngineInfo(NamedTuple):
    """What is running, for logs and diagnostics.

    name       the engine's name in `create`
    runtime    the library and its version
    device     what it computes on
    precision  "fp32", "fp16", "bf16" or "int8"
    size       (height, width) of the images it takes
    threads    CPU threads it uses; 0 is the runtime's own choice
    load_ms    milliseconds from `create` to ready, warm-up included
    """

    name: str
    runtime: str
    device: str
    precision: str
    size: tuple[int, int]
    threads: int
    load_ms: float


class EngineOptions(NamedTuple):
    """Options of an engine; `enet_ros.engines.create` explains them."""

    size: tuple[int, int] | None = None
    precision: str = "auto"
    threads: int = 0
    confidence: bool = False
    device: str = "auto"
    compile: bool = False
    cache_dir: Path | None = None


class Engine(Protocol):
    """An inference runtime with a model in it. One thread at a time may use it; any thread may be that one."""

    @property
    def info(self) -> EngineInfo:
        """Runtime, device, precision and size."""

    def infer(self, image: U8, *, confidence: bool = False) -> Inference:
        """Labels of one image (H, W, 3) uint8 RGB of the engine's size.

        Raises EngineError where shape or dtype differ from `info.size`, or where the runtime fails.
        """

    def infer_many(self, images: Iterable[U8], *, confidence: bool = False, in_flight: int = 0) -> Iterator[Inference]:
        """Labels of many images, in their order, for throughput instead of latency.

        in_flight  how many images are worked on at once; 0 lets the engine choose. They are copied: the caller may hand
                   in one buffer again and again.
        """

    def close(self) -> None:
        """Free the runtime; the engine cannot be used afterwards. May be called twice."""


def check_image(image: U8, size: tuple[int, int]) -> U8:
    """The image, copied where it is not contiguous. Raises EngineError where it is not (H, W, 3) uint8 of that size."""
    expected = (*size, 3)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.shape != expected:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise EngineError(
            f"the engine takes a uint8 {expected} RGB image, got {found}; resize it or create the engine for its size"
        )
    return np.require(image, requirements=("C", "W"))  # OpenVINO and torch share memory only where they could write


class EngineBase:
    """Base of the engines: checks, the plain loop of `infer_many`, closing once."""

    def __init__(self, info: EngineInfo) -> None:
        self._info = info
        self._closed = False

    @property
    def info(self) -> EngineInfo:
        """Runtime, device, precision and size."""
        return self._info

    def infer(self, image: U8, *, confidence: bool = False) -> Inference:
        """As `Engine.infer`."""
        self._check_open()
        image = check_image(image, self._info.size)
        try:
            return self._run(image, confidence)
        except EngineError:
            raise
        except Exception as error:  # a runtime raises what it likes
            raise EngineError(f"{self._info.runtime} failed on a frame: {error}") from error

    def infer_many(self, images: Iterable[U8], *, confidence: bool = False, in_flight: int = 0) -> Iterator[Inference]:
        """As `Engine.infer_many`, one after the other."""
        for image in images:
            yield self.infer(image, confidence=confidence)

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError(f"the {self._info.name} engine is closed; create a new one")

    def close(self) -> None:
        """As `Engine.close`."""
        if not self._closed:
            self._closed = True
            self._free()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, image: U8, confidence: bool) -> Inference:
        raise NotImplementedError

    def _free(self) -> None:
        raise NotImplementedError
