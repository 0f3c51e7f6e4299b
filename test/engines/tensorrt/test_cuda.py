"""CUDA's errors as ours; what is done on a GPU is tested where there is one."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from enet_ros.engines.tensorrt import require_driver
from enet_ros.engines.tensorrt.cuda import Cuda
from enet_ros.errors import EngineError

try:
    HAS_GPU = ctypes.CDLL("libcuda.so.1").cuInit(0) == 0
except OSError:
    HAS_GPU = False


@pytest.fixture
def cuda() -> Cuda:
    pytest.importorskip("cuda.bindings", reason="pip install cuda-bindings")
    return Cuda()


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU here")
def test_no_driver(cuda: Cuda) -> None:
    with pytest.raises(EngineError, match="no NVIDIA driver"):
        require_driver()
    with pytest.raises(EngineError, match=r"CUDA failed in cudaGetDeviceCount: .+ \(cudaError"):
        cuda.gpu(0)


@pytest.mark.skipif(not HAS_GPU, reason="no NVIDIA GPU here: no memory was copied")
def test_bytes_there_and_back(cuda: Cuda) -> None:
    require_driver()
    with pytest.raises(EngineError, match="there is no GPU 99"):
        cuda.gpu(99)
    assert " (compute capability " in cuda.gpu(0)
    source, target = cuda.pinned((3, 5)), cuda.pinned((3, 5))
    source[:] = np.arange(15).reshape(3, 5)
    stream, memory = cuda("StreamCreateWithFlags", cuda.runtime.cudaStreamNonBlocking), int(cuda("Malloc", 15))
    cuda.to_device(memory, source, stream)
    cuda.to_host(target, memory, stream)
    cuda("StreamSynchronize", stream)
    assert (target == source).all()
    cuda("Free", memory)
    cuda("StreamDestroy", stream)
    cuda.free_pinned(source)
    cuda.free_pinned(target)
