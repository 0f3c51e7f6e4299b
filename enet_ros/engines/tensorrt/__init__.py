"""The TensorRT engine: TensorRT 10, TensorRT 11 and TensorRT for RTX.

TensorRT for RTX builds without a GPU. docs/tensorrt.md says what of this ran on a GPU, and what has not. All releases
build strongly typed networks: the precision is that of the graph. Nothing here imports TensorRT before it is needed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from enet_ros.arrays import U8
from enet_ros.engines import cache, has_nvidia_driver
from enet_ros.engines.base import Engine, EngineInfo, EngineOptions, Inference, chosen_precision
from enet_ros.engines.graph import TENSORRT
from enet_ros.engines.source import GraphSource
from enet_ros.engines.tensorrt.cuda import Cuda
from enet_ros.engines.tensorrt.file import ANY_GPU, SUFFIX, EngineFile, check_fits, read, write
from enet_ros.errors import EngineError

log = logging.getLogger(__name__)

OLDEST = 10
"""Earlier releases have neither strongly typed networks nor execute_async_v3 as it is used here."""


class TensorRtEngine(Engine):
    """Builds an engine, takes it from the cache, or runs an exported one."""

    def __init__(self, path: Path | str, options: EngineOptions = EngineOptions()) -> None:
        """Raises ModelError on a bad model, EngineError where there is no GPU or TensorRT refuses something."""
        require_driver()  # before TensorRT's 200 MB are loaded for nothing
        from enet_ros.engines.tensorrt.build import installed
        from enet_ros.engines.tensorrt.run import Session

        cuda, release, index = Cuda(), installed(), device_index(options.device)
        gpu = cuda.gpu(index)
        file = _open(Path(path), options, release, gpu)
        size = file.card.input_size
        self._session = Session(file.plan, size, cuda, index)
        super().__init__(EngineInfo("tensorrt", str(release), gpu, file.precision, size))

    def _run(self, image: U8, confidence: bool) -> Inference:
        return self._session.run(image, confidence)

    def _free(self) -> None:
        self._session.close()


class Release(NamedTuple):
    """An installed TensorRT: "TensorRT" or "TensorRT for RTX", and its version, such as "10.13.0.35"."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def rtx(self) -> bool:
        """Whether engines are finished where they run, and built without a GPU."""
        return self.name.endswith("RTX")


def release_of(package: str, version: str) -> Release:
    """The release that an imported package is. Raises EngineError where it is too old."""
    if "rtx" in package:
        return Release("TensorRT for RTX", version)
    if int(version.partition(".")[0]) < OLDEST:
        raise EngineError(
            f"TensorRT {version} is too old, {OLDEST} or later is needed (JetPack 6.1 has it): upgrade it, or use the "
            "onnxruntime engine with device 'tensorrt'"
        )
    return Release("TensorRT", version)


def require_driver() -> None:
    """Raises EngineError where there is no NVIDIA driver."""
    if not has_nvidia_driver():
        raise EngineError("there is no NVIDIA driver here (libcuda.so.1): use another engine, or install it")


def device_index(device: str) -> int:
    """The GPU of "auto", "gpu", "cuda" or "cuda:1". Raises EngineError on another device."""
    name, _, index = device.lower().partition(":")
    if name in ("auto", "gpu", "cuda") and (index.isdecimal() or not index):
        return int(index or 0)
    raise EngineError(f"the tensorrt engine runs on NVIDIA GPUs, not on {device!r}; use cuda, or cuda:1 for the second")


def precision_for(source: GraphSource, wanted: str, *, calibration: bool = False) -> str:
    """The precision to build in; "auto" is fp16, or what a given .onnx file computes in.

    calibration  there are images to calibrate int8 with
    Raises EngineError where the precision cannot be had.
    """
    if source.is_onnx:
        return chosen_precision(wanted, (source.precision,), str(source.path))
    if wanted == "int8" and not calibration:
        raise EngineError(
            "precision int8 is calibrated on images: run `enet_ros export --format tensorrt --precision int8 "
            "--calibration DIR` and use the .engine file it writes"
        )
    return chosen_precision(wanted, ("fp16", "fp32", "int8"), "the tensorrt engine")


def _open(path: Path, options: EngineOptions, release: Release, gpu: str) -> EngineFile:
    """The engine of an .engine file, from the cache, or built."""
    if path.suffix == SUFFIX:
        file = read(path)
        check_fits(path, file, str(release), gpu, options.size)
        chosen_precision(options.precision, (file.precision,), str(path))
        return file
    source = GraphSource(path, options.size)
    precision = precision_for(source, options.precision)
    key = cache_key(source, precision, release, gpu)
    data = cache.read(key, options.cache_dir)
    if data is None:
        log.info("no engine for %s on %s is cached; building one can take minutes", source.path, gpu)
        data = build_from(source, precision)
        cache.write(key, data, options.cache_dir)
    return EngineFile(source.card.with_(input_size=source.size), str(release), gpu, precision, data)


def cache_key(source: GraphSource, precision: str, release: Release, gpu: str) -> cache.CacheKey:
    """The cache key of an engine built from a model."""
    variant = "{}x{}-".format(*source.size) + precision
    return cache.CacheKey("tensorrt", source.digest(), variant, str(release), gpu, cache.graph_digest())


def build_from(source: GraphSource, precision: str, calibration: Sequence[U8] = ()) -> bytes:
    """A serialised engine of a model. Raises EngineError where TensorRT refuses the graph or has no GPU to build on."""
    from enet_ros.engines.tensorrt.build import build

    data = source.onnx(TENSORRT._replace(half=precision == "fp16"))
    if precision == "int8" and not source.is_onnx:
        from enet_ros.engines.export import quantize

        data = quantize(data, calibration, symmetric=True)
    return build(data, precision)


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
        from enet_ros.engines.tensorrt.build import installed
    except ImportError as error:
        raise EngineError(f"the tensorrt format needs TensorRT ({error}): pip install tensorrt") from error
    release = installed()
    source = GraphSource(model, size)
    precision = precision_for(source, precision, calibration=bool(calibration))
    gpu = ANY_GPU
    if not release.rtx:
        require_driver()
        gpu = Cuda().gpu(0)
    card = source.card.with_(input_size=source.size)
    plan = build_from(source, precision, calibration)
    return write(out, EngineFile(card, str(release), gpu, precision, plan))
