"""The TensorRT engine: TensorRT 10, TensorRT 11 and TensorRT for RTX.

Building needs no GPU with TensorRT for RTX. docs/tensorrt.md says what of this ran on a GPU, and what has not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from enet_ros.arrays import U8
from enet_ros.engines import cache
from enet_ros.engines.base import EngineBase, EngineInfo, EngineOptions, Inference
from enet_ros.engines.source import GraphSource
from enet_ros.engines.tensorrt import file as tensorrt_file
from enet_ros.engines.tensorrt.cuda import Cuda, Gpu, require_driver
from enet_ros.engines.tensorrt.plan import Api, BuildPlan, choose, device_index, variant
from enet_ros.errors import EngineError

if TYPE_CHECKING:
    from enet_ros.engines.tensorrt.run import Session

log = logging.getLogger(__name__)


class TensorRtEngine(EngineBase):
    """Builds an engine, takes it from the cache, or runs an exported one."""

    def __init__(self, path: Path | str, options: EngineOptions = EngineOptions()) -> None:
        """Raises ModelError on a bad model, EngineError where there is no GPU or TensorRT refuses something."""
        started = time.perf_counter()
        require_driver()  # before TensorRT's 200 MB are loaded for nothing
        from enet_ros.engines.tensorrt import api as tensorrt_api
        from enet_ros.engines.tensorrt.run import Session

        cuda, api = Cuda(), tensorrt_api.api()
        gpu = cuda.gpu(device_index(options.device))
        file = _open(Path(path), options, api, gpu)
        size = file.card.input_size
        self._session: Session = Session(file.plan, size, cuda, gpu.number)
        try:
            self._run(np.zeros((*size, 3), np.uint8), options.confidence)  # warm up, record
        except EngineError:
            self._session.close()
            raise
        load_ms = (time.perf_counter() - started) * 1e3
        super().__init__(EngineInfo("tensorrt", api.runtime, str(gpu), file.precision, size, 0, load_ms))

    def _run(self, image: U8, confidence: bool) -> Inference:
        if confidence and not self._session.has_confidence:
            raise EngineError("the engine has no output for confidence; export it anew with `enet_ros export`")
        return self._session.run(image, confidence)

    def _free(self) -> None:
        self._session.close()


def _open(path: Path, options: EngineOptions, api: Api, gpu: Gpu) -> tensorrt_file.EngineFile:
    """The engine of an .engine file, of the cache, or built."""
    if path.suffix == tensorrt_file.SUFFIX:
        file = tensorrt_file.read(path)
        tensorrt_file.check_fits(path, file, api.runtime, str(gpu), options.size)
        if options.precision not in ("auto", file.precision):
            raise EngineError(f"{path} computes in {file.precision}, not {options.precision}; use precision auto")
        return file
    source = GraphSource(path, options.size)
    plan = choose(api, options.precision, is_onnx=source.is_onnx)
    key = cache_key(source, plan, api, str(gpu))
    data = cache.read(key, options.cache_dir)
    if data is None:
        log.info("no engine for %s on %s is cached; building one can take minutes", source.path, gpu)
        data = build_from(source, plan)
        cache.write(key, data, options.cache_dir)
    card = source.card.with_(input_size=source.size)
    return tensorrt_file.EngineFile(card, api.runtime, str(gpu), _precision(source, plan), data)


def cache_key(source: GraphSource, plan: BuildPlan, api: Api, device: str) -> cache.CacheKey:
    """The cache key of an engine built of a model."""
    return cache.CacheKey(
        "tensorrt", source.digest(), variant(source.size, plan), api.runtime, device, cache.graph_digest()
    )


def _precision(source: GraphSource, plan: BuildPlan) -> str:
    """The precision of an engine: the plan's, or that of a file that is built as it is."""
    if plan.precision != "file":
        return plan.precision
    from enet_ros.engines.tensorrt.build import precision_of

    return precision_of(source.onnx(plan.graph))


def build_from(source: GraphSource, plan: BuildPlan, calibration: Sequence[U8] = ()) -> bytes:
    """A serialised engine of a model. Raises EngineError where TensorRT refuses the graph or has no GPU to build on."""
    from enet_ros.engines.tensorrt.build import build, calibrator

    data = source.onnx(plan.graph)
    if plan.int8 == "explicit":
        import onnx

        from enet_ros.engines.export import quantize

        data = quantize(onnx.load_from_string(data), calibration, symmetric=True).SerializeToString()
    return build(data, plan, calibrator(calibration, source.size, Cuda()) if plan.int8 == "calibrator" else None)


def export(
    model: Path | str,
    out: Path,
    *,
    size: tuple[int, int] | None = None,
    precision: str = "auto",
    calibration: Sequence[U8] = (),
) -> Path:
    """Build an engine of a model (.safetensors or .onnx) and write it to `out`, for `create("tensorrt", out)`.

    TensorRT builds for the first GPU of this machine; TensorRT for RTX needs none and builds for all of them. Arguments
    as `enet_ros.engines.export.export`. Raises EngineError where that cannot be done, ModelError on a bad model.
    """
    try:
        from enet_ros.engines.tensorrt import api as tensorrt_api
    except ImportError as error:
        raise EngineError(f"the tensorrt format needs TensorRT ({error}): pip install tensorrt") from error
    api = tensorrt_api.api()
    source = GraphSource(model, size)
    plan = choose(api, precision, is_onnx=source.is_onnx, calibration=bool(calibration))
    device = tensorrt_file.ANY_GPU
    if not api.rtx:
        require_driver()
        device = str(Cuda().gpu(0))
    file = tensorrt_file.EngineFile(
        source.card.with_(input_size=source.size),
        api.runtime,
        device,
        _precision(source, plan),
        build_from(source, plan, calibration),
    )
    return tensorrt_file.write(out, file)
