"""The OpenVINO engine: the fastest on x86-64 and ARM CPUs, and what Intel's GPUs and NPUs take."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from enet_ros.engines import cache
from enet_ros.engines.base import EngineBase, EngineInfo, EngineOptions, Image, Inference, check_image
from enet_ros.engines.options import OPENVINO
from enet_ros.engines.source import GraphSource
from enet_ros.errors import EngineError

log = logging.getLogger(__name__)

_HINTS = {"auto": "f32", "fp32": "f32", "fp16": "f16", "bf16": "bf16", "int8": "f32"}
_NAMES = {"f32": "fp32", "f16": "fp16", "bf16": "bf16"}
RUNTIME = f"OpenVINO {ov.__version__.split('-')[0]}"


class OpenVinoEngine(EngineBase):
    """Compiles (or takes from the cache) one network for labels and, when first asked for, one with confidence."""

    def __init__(self, path: Path | str, options: EngineOptions = EngineOptions()) -> None:
        """Raises ModelError on a bad model, EngineError where OpenVINO refuses it or the cache cannot be written."""
        started = time.perf_counter()
        self._source = GraphSource(path, options.size)
        self._options = options
        self._device = "CPU" if options.device == "auto" else options.device.upper()
        self._core = ov.Core()
        self._compiled: dict[tuple[bool, str], Any] = {}
        self._requests: dict[bool, Any] = {}
        try:
            device_name = str(self._core.get_property(self._device, "FULL_DEVICE_NAME"))
        except RuntimeError as error:
            raise EngineError(
                f"OpenVINO has no device {self._device!r} here; use one of {', '.join(self._core.available_devices)}"
            ) from error
        self._device_name = device_name
        self._request(options.confidence).infer()  # warm up: the first run allocates
        compiled = self._compile(options.confidence, "LATENCY")
        precision = _NAMES.get(compiled.get_property("INFERENCE_PRECISION_HINT").to_string(), "fp32")
        super().__init__(
            EngineInfo(
                "openvino", RUNTIME, device_name, "int8" if options.precision == "int8" else precision, self._source.size,
                options.threads, (time.perf_counter() - started) * 1e3,
            )
        )  # fmt: skip

    def _config(self, hint: str) -> dict[str, Any]:
        config: dict[str, Any] = {
            "PERFORMANCE_HINT": hint,
            "INFERENCE_PRECISION_HINT": _HINTS[self._options.precision],
        }
        if self._options.threads and self._device == "CPU":
            config["INFERENCE_NUM_THREADS"] = self._options.threads
        return config

    def _compile(self, confidence: bool, hint: str) -> Any:
        """The compiled network of a variant, from memory, from the cache, or built."""
        if (confidence, hint) not in self._compiled:
            try:
                self._compiled[confidence, hint] = self._load(confidence, hint)
            except RuntimeError as error:
                raise EngineError(f"{RUNTIME} refused the graph of {self._source.path}: {error}") from error
        return self._compiled[confidence, hint]

    def _load(self, confidence: bool, hint: str) -> Any:
        height, width = self._source.size
        outputs = "confidence" if confidence else "labels"
        key = cache.CacheKey(
            "openvino", self._source.digest(), f"{height}x{width}-{self._options.precision}-{outputs}", RUNTIME,
            f"{self._device}: {self._device_name}", cache.graph_digest(),
        )  # fmt: skip
        config = self._config(hint)
        if blob := cache.read(key, self._options.cache_dir):
            try:
                return self._core.import_model(BytesIO(blob), self._device, config)
            except RuntimeError as error:
                log.warning(
                    "OpenVINO refused the cached engine (%s); building anew", str(error).strip().splitlines()[-1]
                )
        model = self._core.read_model(BytesIO(self._source.onnx(OPENVINO)))
        if not confidence and len(model.outputs) > 1:  # the runtime drops what no output needs
            model = ov.Model([model.output("labels")], model.get_parameters(), model.get_friendly_name())
        compiled = self._core.compile_model(model, self._device, config)
        cache.write(key, compiled.export_model().getvalue(), self._options.cache_dir)
        return compiled

    def _request(self, confidence: bool) -> Any:
        if confidence not in self._requests:
            request = self._compile(confidence, "LATENCY").create_infer_request()
            names = {name for output in request.model_outputs for name in output.names}
            if confidence and "confidence" not in names:
                raise EngineError(
                    f"{self._source.path} has no output for confidence; export it anew with `enet_ros export`"
                )
            self._requests[confidence] = request
        return self._requests[confidence]

    def _run(self, image: Image, confidence: bool) -> Inference:
        request = self._request(confidence)
        request.set_input_tensor(ov.Tensor(image[None], shared_memory=True))
        request.infer()
        return _result(request, confidence)

    def infer_many(
        self, images: Iterable[Image], *, confidence: bool = False, in_flight: int = 0
    ) -> Iterator[Inference]:
        """As `Engine.infer_many`: one stream a core, several requests in flight."""
        yield from self._pipelined(iter(images), confidence, in_flight)

    def _pipelined(self, images: Iterator[Image], confidence: bool, in_flight: int) -> Iterator[Inference]:
        compiled = self._compile(confidence, "THROUGHPUT")
        count = in_flight or int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        idle = [compiled.create_infer_request() for _ in range(count)]
        busy: list[tuple[Any, Image]] = []
        for image in images:
            if not idle:
                request, _ = busy.pop(0)
                request.wait()
                yield _result(request, confidence)
                idle.append(request)
            request, image = idle.pop(), check_image(image, self.info.size)
            request.set_input_tensor(ov.Tensor(image[None], shared_memory=True))
            request.start_async()
            busy.append((request, image))
        for request, _ in busy:
            request.wait()
            yield _result(request, confidence)

    def _free(self) -> None:
        self._requests.clear()
        self._compiled.clear()
        del self._core


def _result(request: Any, confidence: bool) -> Inference:
    """Copies of a request's outputs: its own tensors are overwritten by the next frame."""
    labels = np.array(request.get_tensor("labels").data)
    return Inference(labels, np.array(request.get_tensor("confidence").data) if confidence else None)
