"""The OpenVINO engine: the fastest on CPUs; also for Intel's GPUs and NPUs."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from enet_ros.arrays import U8
from enet_ros.engines import cache
from enet_ros.engines.base import (
    Engine,
    EngineInfo,
    EngineOptions,
    Inference,
    check_image,
    chosen_precision,
    keeps_labels,
)
from enet_ros.engines.graph import OPENVINO
from enet_ros.engines.source import GraphSource
from enet_ros.errors import EngineError

log = logging.getLogger(__name__)

RUNTIME = f"OpenVINO {ov.__version__.split('-')[0]}"
_HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16", "int8": "f32"}
_LATENCY, _THROUGHPUT = 1, 0
"""Images at once that a network is compiled for; 0 is as many as the device does best."""


class OpenVinoEngine(Engine):
    """Compiles (or takes from the cache) one network for labels and, when first asked for, one with confidence.

    With the option `confidence`, the one that has it answers both: a second takes 50 MB and saves 1 ms at most.
    """

    def __init__(self, path: Path | str, options: EngineOptions = EngineOptions()) -> None:
        """Raises ModelError on a bad model, EngineError where OpenVINO refuses it, the device or the precision."""
        self._source = GraphSource(path, options.size)
        self._options = options
        self._device = "CPU" if options.device == "auto" else options.device.upper()
        self._core = ov.Core()
        try:
            self._device_name = str(self._core.get_property(self._device, "FULL_DEVICE_NAME"))
            abilities = self._core.get_property(self._device, "OPTIMIZATION_CAPABILITIES")
        except RuntimeError as error:
            known = ", ".join(self._core.available_devices)
            raise EngineError(f"OpenVINO has no device {self._device!r} here; use one of {known}") from error
        able = [name for name in ("fp32", "bf16", "fp16") if name.upper() in abilities]
        if self._source.precision == "int8":
            able.append("int8")
        why = ""
        if (
            options.precision == "auto"
            and self._device == "CPU"
            and "bf16" in able
            and self._source.precision == "fp32"
        ):
            keeps, why = keeps_labels(self._source.card, "bf16", self._source.size)
            if keeps:
                able.insert(0, "bf16")
        precision = chosen_precision(options.precision, able, self._device_name)
        self._hint = _HINTS[precision]
        self._compiled: dict[tuple[bool, int], Any] = {}
        self._requests: dict[bool, Any] = {}
        self._lanes: list[Engine] = []
        precision = "int8" if self._source.precision == "int8" else precision
        super().__init__(
            EngineInfo("openvino", RUNTIME, self._device_name, precision, self._source.size, options.threads, why=why)
        )

    def _compile(self, confidence: bool, at_once: int) -> Any:
        """The compiled network of a variant, from memory, from the cache, or built."""
        if (confidence, at_once) not in self._compiled:
            try:
                self._compiled[confidence, at_once] = self._load(confidence, at_once)
            except RuntimeError as error:
                raise EngineError(f"{RUNTIME} refused the graph of {self._source.path}: {error}") from error
        return self._compiled[confidence, at_once]

    def _load(self, confidence: bool, at_once: int) -> Any:
        config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY" if at_once == _LATENCY else "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": self._hint,
        }
        if at_once > 1:
            config["PERFORMANCE_HINT_NUM_REQUESTS"] = at_once
        if self._options.threads and self._device == "CPU":
            config["INFERENCE_NUM_THREADS"] = self._options.threads
        key = self._key(confidence, at_once)
        if blob := cache.read(key, self._options.cache_dir):
            try:
                return self._core.import_model(BytesIO(blob), self._device, config)
            except RuntimeError as error:
                reason = str(error).strip().splitlines()[-1]
                log.warning("OpenVINO refused the cached engine (%s); building it anew", reason)
        log.info("building the OpenVINO engine of %s for %s", self._source.path, self._device)
        model = self._core.read_model(BytesIO(self._source.onnx(OPENVINO)))
        if not confidence:  # the runtime drops what no output needs
            model = ov.Model([model.output("labels")], model.get_parameters(), model.get_friendly_name())
        compiled = self._core.compile_model(model, self._device, config)
        cache.write(key, compiled.export_model().getvalue(), self._options.cache_dir)
        return compiled

    def _key(self, confidence: bool, at_once: int) -> cache.CacheKey:
        height, width = self._source.size
        outputs = "confidence" if confidence else "labels"
        variant = f"{height}x{width}-{self._hint}-{outputs}-{at_once}"
        device = f"{self._device}: {self._device_name}"
        return cache.CacheKey("openvino", self._source.digest(), variant, RUNTIME, device, cache.graph_digest())

    def _run(self, image: U8, confidence: bool) -> Inference:
        both = confidence or self._options.confidence
        if both not in self._requests:
            self._requests[both] = self._compile(both, _LATENCY).create_infer_request()
        return _inferred(self._requests[both], image, confidence)

    def infer_many(self, images: Iterable[U8], *, confidence: bool = False, in_flight: int = 0) -> Iterator[Inference]:
        """As `Engine.infer_many`: one stream a core, several requests in flight."""
        self._check_open()
        compiled = self._compile(confidence, _THROUGHPUT)
        count = in_flight or int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        idle = [compiled.create_infer_request() for _ in range(count)]
        busy: deque[Any] = deque()
        try:
            for image in images:
                if not idle:
                    yield self._finish(busy, idle, confidence)
                request = idle.pop()
                request.get_input_tensor().data[0] = check_image(image, self.info.size)
                request.start_async()
                busy.append(request)
            while busy:
                yield self._finish(busy, idle, confidence)
        finally:
            for request in busy:  # the caller left, or an image failed: the others still write into their tensors
                with suppress(RuntimeError):
                    request.wait()

    def _finish(self, busy: deque[Any], idle: list[Any], confidence: bool) -> Inference:
        """Wait for the oldest request and take its result."""
        request = busy.popleft()
        try:
            request.wait()
        except RuntimeError as error:
            raise EngineError(f"{RUNTIME} failed on an image: {error}") from error
        idle.append(request)
        return _result(request, confidence)

    def lanes(self, users: int) -> list[Engine]:
        """As `Engine.lanes`: a stream for each user, as long as there are cores for them."""
        self._check_open()
        if users <= 1:
            return [self]
        try:
            streams = int(self._core.get_property(self._device, "RANGE_FOR_STREAMS")[1])
        except RuntimeError:  # a device that is several, such as AUTO, has none
            return [self]
        at_once = min(users, streams, self._options.threads or streams)
        if at_once <= 1:
            return [self]
        if len(self._lanes) != at_once:
            compiled = self._compile(self._options.confidence, at_once)
            if self._lanes:
                del self._compiled[self._options.confidence, len(self._lanes)]
            self._lanes = [_Lane(self.info, compiled.create_infer_request()) for _ in range(at_once)]
        return self._lanes

    def _free(self) -> None:
        self._lanes.clear()
        self._requests.clear()
        self._compiled.clear()
        del self._core


class _Lane(Engine):
    """One request of a network that is compiled for several at once."""

    def __init__(self, info: EngineInfo, request: Any) -> None:
        super().__init__(info)
        self._request = request

    def _run(self, image: U8, confidence: bool) -> Inference:
        return _inferred(self._request, image, confidence)

    def _free(self) -> None:
        del self._request


def _inferred(request: Any, image: U8, confidence: bool) -> Inference:
    request.set_input_tensor(ov.Tensor(image[None], shared_memory=True))
    request.infer()
    return _result(request, confidence)


def _result(request: Any, confidence: bool) -> Inference:
    """Copies of a request's outputs, whose memory the next image overwrites."""
    labels = np.array(request.get_tensor("labels").data)
    return Inference(labels, np.array(request.get_tensor("confidence").data) if confidence else None)
