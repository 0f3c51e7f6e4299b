"""The peers: what users would pick instead of an engine, opened as its own documentation says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from enet_ros.arrays import U8
from enet_ros.benchmark.cases import Infer, Runner
from enet_ros.errors import ConfigError
from enet_ros.model_file import Model, load


def open_peer(name: str, path: Path, size: tuple[int, int], threads: int, opencv_model: str) -> Runner:
    """A peer, ready to run. Raises ConfigError where it cannot, ImportError where its library is missing."""
    if name == "opencv4" and opencv_model:
        return _opencv_file(Path(opencv_model), threads)
    if path.suffix != ".safetensors":
        raise ConfigError(f"peers are made of a .safetensors file, not of {path.name}")
    if name == "pytorch_channels_last":
        from enet_ros.engines import create

        engine = create("pytorch", path, size=size, precision="fp32", threads=threads, device="cpu")
        return Runner(engine.info.runtime.partition("+")[0], lambda image: engine.infer(image).labels)
    from enet_ros.benchmark import torch_peers

    model = load(path)
    if name in ("pytorch_eager", "segnet"):
        make = torch_peers.enet if name == "pytorch_eager" else torch_peers.segnet
        return Runner(torch_peers.RUNTIME, make(model, threads))
    if name == "opencv4":
        return _opencv(model, torch_peers.network_onnx(model, size), threads)
    return {"openvino_plain": _openvino, "onnxruntime_plain": _onnxruntime}[name](
        torch_peers.plain_onnx(model, size), threads
    )


def _openvino(data: bytes, threads: int) -> Runner:
    import openvino as ov

    core = ov.Core()
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    request = core.compile_model(core.read_model(data), "CPU", config).create_infer_request()

    def infer(image: U8) -> U8:
        request.set_input_tensor(ov.Tensor(image[None], shared_memory=True))
        request.infer()
        return np.array(request.get_output_tensor(0).data, np.uint8)

    return Runner(f"OpenVINO {ov.__version__.partition('-')[0]}", infer)


def _onnxruntime(data: bytes, threads: int) -> Runner:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return Runner(
        f"ONNX Runtime {ort.__version__}",
        lambda image: np.asarray(session.run(None, {"image": image[None]})[0], np.uint8),
    )


def _opencv(model: Model, data: bytes, threads: int) -> Runner:
    import cv2

    cv2.setNumThreads(threads)
    card = model.card
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    prepare = cv2.dnn.Image2BlobParams()
    prepare.scalefactor = tuple(1 / value for value in card.std)
    prepare.mean = card.mean
    prepare.swapRB = card.channel_order == "bgr"
    return Runner(
        f"OpenCV {cv2.__version__}", _forward(net, lambda image: cv2.dnn.blobFromImageWithParams(image, prepare))
    )


def _opencv_file(path: Path, threads: int) -> Runner:
    """A Torch7 or ONNX file of another project, on pixels / 255."""
    import cv2

    cv2.setNumThreads(threads)
    if path.suffix not in (".net", ".t7", ".onnx"):
        raise ConfigError(f"--opencv-model {path}: give a Torch7 file (.net, .t7) or an .onnx file")
    try:
        net = cv2.dnn.readNetFromONNX(str(path)) if path.suffix == ".onnx" else cv2.dnn.readNetFromTorch(str(path))
    except (cv2.error, AttributeError) as error:  # OpenCV 5 reads no Torch7 files
        raise ConfigError(f"OpenCV {cv2.__version__} cannot read {path}: {error}") from error
    return Runner(
        f"OpenCV {cv2.__version__}, {path.name}", _forward(net, lambda image: cv2.dnn.blobFromImage(image, 1 / 255))
    )


def _forward(net: object, prepare: Callable[[U8], object]) -> Infer:
    def infer(image: U8) -> U8:
        net.setInput(prepare(image))  # type: ignore[attr-defined]
        return np.asarray(net.forward()[0].argmax(0), np.uint8)  # type: ignore[attr-defined]

    return infer
