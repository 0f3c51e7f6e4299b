"""What is measured: engines and peers at sizes and precisions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from enet_ros.engines import ENGINES
from enet_ros.errors import ConfigError

PEERS: Final = {
    "pytorch_eager": "PyTorch, the network as published: contiguous tensors",
    "pytorch_channels_last": "PyTorch, channels-last tensors: the pytorch engine",
    "openvino_plain": "OpenVINO on torch.onnx.export of the network, max-unpooling by hand, nothing else rewritten",
    "onnxruntime_plain": "ONNX Runtime on the same export",
    "opencv4": "OpenCV's DNN module on the same export, or on a Torch7 or ONNX file of --opencv-model",
    "segnet": "a SegNet of the paper's size (VGG-16, 29.5 M parameters), random weights; at the first size only",
}
"""What engines are compared with, and how each is run; all need torch."""

REFERENCE: Final = "pytorch_eager"
"""The peer whose labels are right: the network as it was trained, in float32."""
BASELINE: Final = "pytorch_channels_last"
"""The peer whose time is 1 in the table's ratios."""


class Case(NamedTuple):
    """One combination to measure.

    name       the engine's or the peer's
    engine     the engine's name as `create` knows it; "" for a peer
    precision  what is asked of it; peers are fp32
    size       (height, width) of the images
    """

    name: str
    engine: str
    precision: str
    size: tuple[int, int]


class Skipped(NamedTuple):
    """A case that was not measured, and why."""

    case: Case
    reason: str


class Settings(NamedTuple):
    """Settings that all cases share.

    model         .safetensors, or .onnx without peers
    threads       CPU threads of every runtime
    runs          timed runs of a case, in `rounds` rounds that take turns with the other cases
    opencv_model  a Torch7 (.net, .t7) or ONNX file for opencv4; None is the plain export of `model`
    calibration   folder of images for int8; None uses the frames themselves
    """

    model: Path
    threads: int
    runs: int = 60
    rounds: int = 6
    opencv_model: Path | None = None
    calibration: Path | None = None


def plan(
    engines: Sequence[str], precisions: Sequence[str], sizes: Sequence[tuple[int, int]], peers: Sequence[str]
) -> list[Case]:
    """All combinations, ordered by size. Raises ConfigError on an unknown name."""
    for names, known, what in ((engines, ENGINES, "engine"), (peers, PEERS, "peer")):
        if unknown := next((name for name in names if name not in known), None):
            raise ConfigError(f"there is no {what} {unknown!r}; use {', '.join(known)}")
    cases = []
    for index, size in enumerate(sizes):
        cases += [Case(name, name, precision, size) for name in engines for precision in precisions]
        cases += [Case(name, "", "fp32", size) for name in peers if name != "segnet" or index == 0]
    return cases
