"""INT8 calibration by TensorRT 10 itself. Later releases and TensorRT for RTX have none: quantize.py serves them."""

from __future__ import annotations

from collections.abc import Sequence

from enet_ros.engines.base import Image, check_image
from enet_ros.engines.tensorrt.api import trt
from enet_ros.engines.tensorrt.cuda import Cuda


def calibrator(images: Sequence[Image], size: tuple[int, int], cuda: Cuda) -> trt.IInt8EntropyCalibrator2:
    """Feeds the builder (H, W, 3) uint8 RGB images of the engine's size, one after the other."""

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
            """None is kept: the finished engine is what is cached."""

        def write_calibration_cache(self, cache: object) -> None:
            """See above."""

    return Calibrator()
