"""The importer of the Caffe port against OpenCV 4's Caffe reader, and on damaged files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from caffe_files import Builder, blob, caffemodel, field, prototxt, varint

from enet_ros.classes import CITYSCAPES
from enet_ros.errors import ModelError
from enet_ros.nn import ENet, build
from enet_ros.nn.importers import caffe
from enet_ros.spec import variant

Randomised = Callable[..., ENet]


class ScaleShift:
    """The port's BN at evaluation, for OpenCV."""

    def __init__(self, _: object, blobs: list[np.ndarray]) -> None:
        self.scale, self.shift = (blob.reshape(1, -1, 1, 1) for blob in blobs)

    def getMemoryShapes(self, inputs: list[list[int]]) -> list[list[int]]:
        return [inputs[0]]

    def forward(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [(inputs[0] * self.scale + self.shift).astype(np.float32)]


class Upsample:
    """The port's Upsample: each value to the place its pool's mask names."""

    def __init__(self, *_: object) -> None:
        pass

    def getMemoryShapes(self, inputs: list[list[int]]) -> list[list[int]]:
        n, c, h, w = inputs[0]
        return [[n, c, 2 * h, 2 * w]]

    def forward(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        x, mask = inputs
        n, c, h, w = x.shape
        out = np.zeros((n, c, 4 * h * w), np.float32)
        np.put_along_axis(out, mask.reshape(n, c, -1).astype(np.int64), x.reshape(n, c, -1), 2)
        return [out.reshape(n, c, 2 * h, 2 * w)]


@pytest.fixture(scope="module", autouse=True)
def layers_of_the_port() -> Iterator[None]:
    cv2.dnn_registerLayer("BN", ScaleShift)
    cv2.dnn_registerLayer("Upsample", Upsample)
    yield
    cv2.dnn_unregisterLayer("BN")
    cv2.dnn_unregisterLayer("Upsample")


@pytest.fixture(scope="module")
def network(random_network: Randomised) -> ENet:
    return random_network(variant("caffe", 19))


@pytest.fixture(scope="module")
def merged(network: ENet) -> Builder:
    return Builder(network, merged=True, p=0.1)


def opencv(text: str, data: bytes, image: np.ndarray) -> np.ndarray:
    peer = cv2.dnn.readNetFromCaffe(np.frombuffer(text.encode(), np.uint8), np.frombuffer(data, np.uint8))
    peer.setInput(image)
    return peer.forward("deconv6_0_0")[0]


@torch.no_grad()
def logits(data: bytes, image: np.ndarray) -> np.ndarray:
    return build(caffe.load(data, "test", None))(torch.from_numpy(image))[0].numpy()


def agreement(ours: np.ndarray, peer: np.ndarray) -> float:
    return float((ours.argmax(0) == peer.argmax(0)).mean())


def test_agrees_with_opencv_on_a_written_file(merged: Builder, image: torch.Tensor) -> None:
    data, text = caffemodel(merged.layers), prototxt(merged.layers, 64, 96)
    ours, peer = logits(data, image.numpy()), opencv(text, data, image.numpy())
    assert agreement(ours, peer) >= 0.999
    assert np.abs(ours - peer).max() <= 1e-3 * np.abs(peer).max()


def test_agrees_with_opencv_on_the_published_model(merged: Builder, weights_dir: Path, camvid_dir: Path) -> None:
    data = (weights_dir / "caffe-cityscapes" / "cityscapes_weights.caffemodel").read_bytes()
    frame = cv2.imread(str(sorted((camvid_dir / "val").glob("*.png"))[0]))
    image = cv2.dnn.blobFromImage(frame)  # BGR, 0..255
    assert agreement(logits(data, image), opencv(prototxt(merged.layers, 360, 480), data, image)) >= 0.999


def test_merged_norms_give_the_network_back(network: ENet, merged: Builder, image: torch.Tensor) -> None:
    ours = logits(caffemodel(merged.layers), image.numpy())
    assert np.abs(ours - network(image)[0].numpy()).max() < 1e-4


def test_norms_with_a_channel_that_is_off_are_norms_all_the_same(
    random_network: Randomised, image: torch.Tensor
) -> None:
    pruned = random_network(variant("caffe", 19))
    with torch.no_grad():
        for module in pruned.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight[0] = module.bias[0] = module.running_mean[0] = 0
        expected = pruned(image)[0].numpy()
    assert (
        np.abs(logits(caffemodel(Builder(pruned, merged=False, p=0.0).layers), image.numpy()) - expected).max() < 1e-4
    )


def test_dropout_outside_merged_norms_scales(network: ENet, merged: Builder) -> None:
    data = caffemodel(Builder(network, merged=False, p=0.2).layers)
    norm, weight = network.stage1[0].branch[7], caffe.load(data, "test", None).tensors["stage1.0.branch.7.weight"]
    scale = (norm.weight / (norm.running_var + norm.eps).sqrt()).numpy()
    assert np.allclose(weight, scale / 0.8)
    merged_weight = caffe.load(caffemodel(merged.layers), "test", None).tensors["stage1.0.branch.7.weight"]
    assert np.array_equal(merged_weight, np.ones(64, np.float32))


def test_card(merged: Builder) -> None:
    card = caffe.load(caffemodel(merged.layers), "city", None).card
    assert (card.name, card.classes, card.channel_order) == ("city", CITYSCAPES, "bgr")
    assert (card.mean, card.std, card.input_size) == ((0.0,) * 3, (1.0,) * 3, (512, 1024))


def test_recognises(merged: Builder) -> None:
    assert caffe.recognises(caffemodel(merged.layers))
    assert not any(map(caffe.recognises, (b"", b"\x0a", b"\x0a\xff", b"\x0a\x04ENet", b"PK\x03\x04" + bytes(100))))


@pytest.mark.parametrize("part", [0, 5, 6, 8, 100, 1000, 0.3, 0.9999])
def test_truncated(merged: Builder, part: float) -> None:
    data = caffemodel(merged.layers)
    end = part if isinstance(part, int) else int(part * len(data))
    with pytest.raises(ModelError, match="Caffe model"):
        caffe.load(data[:end], "x", None)


def test_fuzzed_bytes_raise_nothing_but_model_errors(merged: Builder) -> None:
    data = caffemodel(merged.layers)[:20_000]  # cut as well: no change makes it whole
    rng = np.random.default_rng(0)
    for at, value in zip(rng.integers(0, 4000, 200), rng.integers(0, 256, 200), strict=True):
        damaged = bytearray(data)
        damaged[at] = value
        with pytest.raises(ModelError):
            caffe.load(bytes(damaged), "x", None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff" * 11, "damaged or ends early in its list of layers"),
        (b"\x0b", "damaged or ends early in its list of layers"),
        (b"\x0a" + varint(1 << 60), "damaged or ends early in its list of layers"),
        (b"\x80", "damaged or ends early in its list of layers"),
        (field(100, field(7, b"\x80")), "damaged or ends early in a blob of layer number 0"),
        (field(2, field(4, b"conv")), "layout before 2014"),
        (field(100, b"") * 2001, "more than 2000 layers"),
        (field(100, field(7, blob(np.zeros(1))) * 17), "more than 16 blobs"),
        (field(100, field(7, field(5, bytes(6)))), "no whole number of floats"),
        (field(100, field(7, field(7, field(1, varint(1 << 40) * 2)) + field(5, bytes(8)))), "2 values for shape"),
        (field(100, field(7, field(7, field(1, varint(1) * 9)) + field(5, bytes(4)))), "1 values for shape"),
    ],
    ids=["varint", "group", "length", "cut", "blob", "old", "layers", "blobs", "floats", "huge", "dimensions"],
)
def test_hostile_values(data: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        caffe.read(data)


def test_reads_shapes_of_either_age() -> None:
    old = b"".join(varint(number << 3) + varint(side) for number, side in enumerate((1, 1, 2, 3), 1))
    layer = field(1, b"a") + field(7, old + field(5, bytes(24))) + field(7, blob(np.ones((2, 1))))
    (read_back,) = caffe.read(field(100, layer))
    assert [array.shape for array in read_back.blobs] == [(1, 1, 2, 3), (2, 1)]


def change(layers: list, name: str, **fields: object) -> bytes:
    return caffemodel([layer._replace(**fields) if layer.name == name else layer for layer in layers])


def test_missing_and_foreign_layers(merged: Builder, network: ENet) -> None:
    layers = merged.layers
    bias = (layers[0].blobs[0], np.zeros(5, np.float32))
    unmerged = Builder(network, merged=False, p=0.1).layers
    first_half = next(layer for layer in layers if layer.name == "conv2_3_1_a")
    for data, message in (
        (caffemodel([layer for layer in layers if layer.name != "conv1_2_1"]), "another network"),
        (caffemodel(layers[:-1]), "does not end with ENet's last"),
        (change(layers, "conv1_0_0", type="LSTM"), "type 'LSTM', which ENet does not have"),
        (change(layers, "conv0_1", blobs=bias), "conv0_1 has arrays"),
        (change(layers, "conv0_1", blobs=bias * 2), "has 4 blobs, 1 were expected"),
        (change(layers, "conv0_1", blobs=()), "conv0_1 has 0 blobs"),
        (change(layers, "bn1_0_0", blobs=()), "bn1_0_0 has 0 blobs"),
        (change(layers, "bn1_0_0", blobs=(np.zeros(3), np.zeros(3))), "bn1_0_0 has 3 channels, its convolution 16"),
        (change(layers, "conv2_3_1_a", blobs=(first_half.blobs[0], np.ones(32))), "bias and no norm to take it"),
        (change(unmerged, "drop1_0_3", python="{'p': '1.5'}"), "no dropout's"),
        (change(unmerged, "drop1_0_3", python="{'p': '1.2.3'}"), "no dropout's"),
        (change(layers, "prelu0_1", blobs=(np.full(16, np.nan),)), "not finite"),
    ):
        with pytest.raises(ModelError, match=message):
            caffe.load(data, "x", None)
