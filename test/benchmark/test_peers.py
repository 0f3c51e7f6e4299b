"""The peers label as the plain network does, and SegNet has the paper's size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the peers run on torch or are exported by it: pip install torch")

import torch

from enet_ros.benchmark.peers import SegNet, open_peer
from enet_ros.errors import ConfigError
from enet_ros.model_file import resolve
from enet_ros.street import Street

SIZE = (192, 256)
IMAGE = Street(0, SIZE[1], SIZE[0]).frame(0).image
MODEL = resolve("camvid")


@pytest.fixture(scope="module")
def reference() -> np.ndarray:
    _, infer = open_peer("pytorch_eager", MODEL, SIZE, 1)
    return infer(IMAGE)


@pytest.mark.parametrize(
    ("name", "library", "equal"),
    [
        ("pytorch_channels_last", "PyTorch", 0.9999),
        # their stand-in for max-unpooling puts a value on every one of equal maxima
        ("openvino_plain", "OpenVINO", 0.95),
        ("onnxruntime_plain", "ONNX Runtime", 0.95),
        ("opencv4", "OpenCV", 0.95),
    ],
)
def test_labels(reference: np.ndarray, name: str, library: str, equal: float) -> None:
    runtime, infer = open_peer(name, MODEL, SIZE, 1)
    labels = infer(IMAGE)
    assert runtime.startswith(library)
    assert labels.shape == SIZE and labels.dtype == np.uint8
    assert (labels == reference).mean() >= equal


def test_the_reference_sees_more_than_one_class(reference: np.ndarray) -> None:
    assert np.unique(reference).size >= 4


def test_segnet() -> None:
    network = SegNet(11).eval()
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(29.5, abs=0.1)
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 45, 64)).shape == (1, 11, 45, 64)


def test_peers_need_weights(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.safetensors file, not of camvid\.onnx"):
        open_peer("opencv4", tmp_path / "camvid.onnx", SIZE, 1)


@pytest.mark.parametrize(("name", "words"), [("model.caffemodel", "give a Torch7 file"), ("model.net", "cannot read")])
def test_a_file_opencv_does_not_read(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=words):
        open_peer("opencv4", MODEL, SIZE, 1, tmp_path / name)
