"""Building TensorRT engines from ONNX, with the progress in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from enet_ros.arrays import U8
from enet_ros.engines.base import check_image
from enet_ros.engines.tensorrt.api import Log, api, trt
from enet_ros.engines.tensorrt.cuda import Cuda
from enet_ros.engines.tensorrt.plan import BuildPlan
from enet_ros.errors import EngineError

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 2.0


class Progress:
    """Turns the builder's nested phases into a line now and then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._steps: dict[str, int] = {}
        self._last = clock()

    def start(self, phase: str, steps: int) -> None:
        """A phase of several steps begins."""
        self._steps[phase] = steps

    def step(self, phase: str, step: int) -> str | None:
        """Step number `step`, from 0, is done; the line to log, if it is time for one."""
        now = self._clock()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return None
        self._last = now
        return " > ".join(
            [*(name for name in self._steps if name != phase), f"{phase} {step + 1}/{self._steps[phase]}"]
        )

    def finish(self, phase: str) -> None:
        """A phase ends."""
        self._steps.pop(phase, None)


class Monitor(trt.IProgressMonitor):
    """Progress to the log; Ctrl-C stops the build at the next step."""

    def __init__(self) -> None:
        trt.IProgressMonitor.__init__(self)
        self._progress = Progress()
        self.interrupted = False

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        """Called by TensorRT."""
        self._progress.start(phase_name, num_steps)

    def step_complete(self, phase_name: str, step: int) -> bool:
        """Called by TensorRT; False stops the build."""
        try:
            if line := self._progress.step(phase_name, step):
                log.info("building: %s", line)
        except KeyboardInterrupt:  # must not travel through TensorRT
            self.interrupted = True
        return not self.interrupted

    def phase_finish(self, phase_name: str) -> None:
        """Called by TensorRT."""
        self._progress.finish(phase_name)


def parse(onnx: bytes, builder: trt.Builder, logger: Log, *, typed: bool) -> trt.INetworkDefinition:
    """The network of an ONNX model. Raises EngineError with the parser's words where it refuses it."""
    flag = trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED
    network = builder.create_network(1 << int(flag) if typed else 0)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx):
        errors = "; ".join(str(parser.get_error(i)) for i in range(parser.num_errors))
        raise EngineError(f"{api().runtime} cannot read the graph: {errors or logger.reason()}")
    return network


def build(onnx: bytes, plan: BuildPlan, calibrator: trt.IInt8EntropyCalibrator2 | None = None) -> bytes:
    """A serialised engine. TensorRT needs the GPU it is for; TensorRT for RTX builds without one.

    Raises EngineError where the graph is refused, KeyboardInterrupt where the build was interrupted.
    """
    started = time.monotonic()
    logger, monitor = Log(), Monitor()
    builder = trt.Builder(logger)
    if not builder:  # a null pointer of C++
        raise EngineError(f"{api().runtime} cannot start here: {logger.reason()}")
    network = parse(onnx, builder, logger, typed=plan.typed)
    config = builder.create_builder_config()
    config.progress_monitor = monitor
    for name in plan.flags:
        config.set_flag(getattr(trt.BuilderFlag, name))
    for name in plan.clear:
        config.clear_flag(getattr(trt.BuilderFlag, name))
    if calibrator is not None:
        config.int8_calibrator = calibrator
    log.info("%s builds an engine of %d layers in %s", api().runtime, network.num_layers, plan.precision)
    serialised = builder.build_serialized_network(network, config)
    if monitor.interrupted:
        raise KeyboardInterrupt
    if serialised is None:
        raise EngineError(f"{api().runtime} cannot build an engine of the graph: {logger.reason()}")
    log.info("built in %.1f s: %d KiB", time.monotonic() - started, serialised.nbytes >> 10)
    return bytes(memoryview(serialised))


def calibrator(images: Sequence[U8], size: tuple[int, int], cuda: Cuda) -> trt.IInt8EntropyCalibrator2:
    """INT8 calibration by TensorRT 10 itself, on (H, W, 3) uint8 RGB images of the engine's size.

    Later releases and TensorRT for RTX have none: `enet_ros.engines.export.quantize` serves them.
    """

    class Calibrator(trt.IInt8EntropyCalibrator2):  # here, for other releases have no such base class
        def __init__(self) -> None:
            trt.IInt8EntropyCalibrator2.__init__(self)
            self._images = iter(images)
            self._memory = int(cuda("Malloc", size[0] * size[1] * 3))

        def get_batch_size(self) -> int:
            return 1

        def get_batch(self, names: list[str]) -> list[int]:
            image = next(self._images, None)
            if image is None:
                cuda("Free", self._memory)
                return []
            image = check_image(image, size)
            kind = cuda.runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
            cuda("Memcpy", self._memory, image.ctypes.data, image.nbytes, kind)
            return [self._memory]

        def read_calibration_cache(self) -> None:
            """Nothing is kept here: the finished engine is what is cached."""

        def write_calibration_cache(self, cache: object) -> None:
            """As `read_calibration_cache`."""

    return Calibrator()


def precision_of(onnx: bytes) -> str:
    """The precision of an .onnx file: "int8", "fp16", "bf16" or "fp32"."""
    logger = Log()
    builder = trt.Builder(logger)  # the network ends with its builder
    network = parse(onnx, builder, logger, typed=True)
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    if any(layer.type == trt.LayerType.QUANTIZE for layer in layers):
        return "int8"
    kinds = {layer.get_output(i).dtype for layer in layers for i in range(layer.num_outputs)}
    return next((name for name, kind in (("fp16", trt.float16), ("bf16", trt.bfloat16)) if kind in kinds), "fp32")
