"""The Torch7 importer against OpenCV 4's own reader, and on damaged files."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch7_files import Lua, Writer, container, convert, torch7_file, torch7_tree

from enet_ros.classes import CITYSCAPES20
from enet_ros.errors import ModelError
from enet_ros.nn import ENet, build
from enet_ros.nn.importers import torch7
from enet_ros.nn.importers.torch7 import Module, read
from enet_ros.spec import variant

Randomised = Callable[..., ENet]
P = 0.25  # far more dropout than the authors', so that a forgotten factor shows


@pytest.fixture(scope="module")
def network(random_network: Randomised) -> ENet:
    return random_network(variant("paper", 20))


@pytest.fixture(scope="module")
def data(network: ENet) -> bytes:
    return torch7_file(network, P)


def opencv(path: Path, image: torch.Tensor) -> np.ndarray:
    peer = cv2.dnn.readNetFromTorch(str(path))
    peer.setInput(image.numpy())
    return peer.forward()[0]


def agreement(ours: np.ndarray, peer: np.ndarray) -> float:
    return float((ours.argmax(0) == peer.argmax(0)).mean())


@torch.no_grad()
def logits(data: bytes, image: torch.Tensor) -> np.ndarray:
    return build(torch7.load(data, "test", None))(image)[0].numpy()


def test_agrees_with_opencv_on_a_written_file(data: bytes, image: torch.Tensor, tmp_path: Path) -> None:
    path = tmp_path / "model.net"
    path.write_bytes(data)
    ours, peer = logits(data, image), opencv(path, image)
    assert agreement(ours, peer) >= 0.999
    assert np.abs(ours - peer).max() <= 1e-3 * np.abs(peer).max()


def test_agrees_with_opencv_on_the_authors_model(weights_dir: Path, camvid_dir: Path) -> None:
    path = weights_dir / "torch7-cityscapes" / "enet-model.net"
    frame = cv2.imread(str(sorted((camvid_dir / "val").glob("*.png"))[0]))
    image = torch.from_numpy(cv2.dnn.blobFromImage(frame, 1 / 255, (480, 360), swapRB=True))
    assert agreement(logits(path.read_bytes(), image), opencv(path, image)) >= 0.999


def test_card(data: bytes) -> None:
    card = torch7.load(data, "city", None).card
    assert (card.name, card.classes, card.channel_order, card.std) == ("city", CITYSCAPES20, "rgb", (255.0,) * 3)
    assert card.input_size == (512, 1024)


def test_dropout_scales_the_norm_before_it(network: ENet, data: bytes) -> None:
    tensors = torch7.load(data, "test", None).tensors
    norm = network.stage2[0].branch[7]
    assert np.allclose(tensors["stage2.0.branch.7.weight"], norm.weight.numpy() * (1 - P))
    assert np.allclose(tensors["stage2.0.branch.7.bias"], norm.bias.numpy() * (1 - P))
    assert np.array_equal(tensors["stage2.0.branch.7.running_mean"], norm.running_mean.numpy())
    assert np.array_equal(tensors["stage4.0.branch.7.weight"], network.stage4[0].branch[7].weight.numpy())


@pytest.mark.parametrize(("outputs", "second", "size"), [(12, "sky", (360, 480)), (20, "road", (512, 1024))])
def test_training_data_by_number_of_outputs(
    random_network: Randomised, outputs: int, second: str, size: tuple[int, int]
) -> None:
    card = torch7.load(torch7_file(random_network(variant("paper", outputs)), 0.0), "x", None).card
    assert (card.classes.names[:2], card.classes.void, card.input_size) == (("unlabelled", second), 0, size)


def test_unknown_number_of_outputs(random_network: Randomised) -> None:
    with pytest.raises(ModelError, match=r"7 outputs.*--classes"):
        torch7.load(torch7_file(random_network(variant("paper", 7)), 0.0), "x", None)


@pytest.mark.parametrize("part", [0, 3, 11, 60, 1000, 0.3, 0.7, 0.999])
def test_truncated(data: bytes, part: float) -> None:
    end = part if isinstance(part, int) else int(part * len(data))
    with pytest.raises(ModelError, match="Torch7 file"):
        torch7.load(data[:end], "x", None)


def test_fuzzed_bytes_raise_nothing_but_model_errors(data: bytes) -> None:
    rng = np.random.default_rng(0)
    structure = rng.integers(0, 4000, 150)  # the first modules' tags, names and sizes
    for at, value in zip(structure, rng.integers(0, 256, structure.size), strict=True):
        damaged = bytearray(data[:20_000])
        damaged[at] = value
        with pytest.raises(ModelError):  # it is cut as well: no change makes it whole
            torch7.load(bytes(damaged), "x", None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (struct.pack("<i", 9), "unknown value tag 9"),
        (struct.pack("<iii", 3, 1, 2**31 - 1), "table of 2147483647 entries"),
        (struct.pack("<iii", 3, 1, -5), "table of -5 entries"),
        (struct.pack("<ii", 2, -1), "ends early: -1 bytes"),
        (struct.pack("<ii", 2, 1 << 20), "string of 1048576 bytes"),
        (b"".join(struct.pack("<iii", 3, index, 1) for index in range(1, 100)) + bytes(5000), "nests deeper"),
    ],
    ids=["tag", "long table", "negative table", "negative string", "long string", "deep"],
)
def test_hostile_values(data: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read(data)


def tensor(shape: list[int], strides: list[int], offset: int, stored: int) -> bytes:
    text = [struct.pack("<i", len(name)) + name for name in (b"V 1", b"torch.FloatTensor", b"torch.FloatStorage")]
    head = struct.pack("<ii", 4, 1) + text[0] + text[1] + struct.pack("<i", len(shape))
    head += struct.pack(f"<{2 * len(shape) + 1}q", *shape, *strides, offset)
    return head + struct.pack("<ii", 4, 2) + text[0] + text[2] + struct.pack("<q", stored) + bytes(64)


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "stored"),
    [
        ([4, 5], [5, 1], 1, 16),  # more than is stored
        ([4, 4], [4, 1], 2, 16),  # shifted over the end
        ([4, 4], [4, 1], 0, 16),  # before the beginning: Lua counts from 1
        ([4, 4], [-4, 1], 1, 16),
        ([2**40, 2**40], [0, 0], 1, 16),
        ([-4, -4], [4, 1], 1, 16),
        ([1] * 9, [1] * 9, 1, 16),
        ([4, 4], [4, 1], 1, 2**60),
        ([4, 4], [4, 1], 1, -1),
    ],
)
def test_hostile_tensors(shape: list[int], strides: list[int], offset: int, stored: int) -> None:
    with pytest.raises(ModelError, match="Torch7 file"):
        read(tensor(shape, strides, offset, stored))


def test_reads_a_strided_tensor() -> None:
    assert read(tensor([4, 2], [4, 1], 3, 16)).shape == (4, 2)


NORM = convert(torch.nn.BatchNorm2d(3))


def test_shared_references_are_one_object() -> None:
    table = {"a": 1.0}
    again = read(bytes(Writer().write({"x": table, "y": table, "flag": True, "none": None}).data))
    assert again["x"] is again["y"] and again["flag"] is True and again["none"] is None


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ({"a": 1}, "holds a dict, not a network"),
        (Lua("nn.Sequential", {}), "has no 'modules'"),
        (container("Sequential", []), "does not end with ENet's last"),
        (container("Sequential", [Lua("nn.SpatialLPPooling", {})]), "a module that ENet does not have"),
        (container("Sequential", [Lua("nn.SpatialDropout", {"p": 0.1})]), "does not follow a batch norm"),
        (container("Sequential", [NORM, Lua("nn.SpatialDropout", {"p": 1.0})]), "has probability 1.0; 0 <= p < 1 was"),
        (container("Sequential", [Lua("nn.PReLU", {"weight": 3})]), "float for 'weight', not a tensor"),
        (Lua("nn.Sequential", {"modules": {1: 5}}), "holds float among its modules"),
    ],
)
def test_other_contents(root: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        torch7.load(bytes(Writer().write(root).data), "x", None)


def test_kernels_kept_as_rows(network: ENet, data: bytes) -> None:
    tree = torch7_tree(network, P)
    modules = tree.fields["modules"][1].fields["modules"]  # the initial block's convolution and pool
    fields = {**modules[1].fields, "weight": modules[1].fields["weight"].reshape(13, 27)}
    modules[1] = Lua("nn.SpatialConvolutionMM", fields)
    model = torch7.load(bytes(Writer().write(tree).data), "x", None)
    expected = torch7.load(data, "x", None).tensors
    assert all(np.array_equal(model.tensors[name], expected[name]) for name in expected)
    for key, value in (("kH", 4), ("kW", "wide"), ("nInputPlane", float("inf")), ("nOutputPlane", -13)):
        modules[1] = Lua("nn.SpatialConvolutionMM", {**fields, key: value})
        with pytest.raises(ModelError, match=f"kernels of|for '{key}', not a number"):
            torch7.load(bytes(Writer().write(tree).data), "x", None)


def test_another_network(data: bytes) -> None:
    root = read(data)
    assert isinstance(root, Module)
    missing = bytearray(data)
    at = missing.index(b"nn.PReLU")
    missing[at : at + 8] = b"nn.PReLV"
    with pytest.raises(ModelError, match=r"nn\.PReLV.* a module that ENet does not have"):
        torch7.load(bytes(missing), "x", None)


def test_recursive_object_is_no_endless_loop() -> None:
    # A Sequential whose module table holds the Sequential itself, by its index.
    data = Writer().write(Lua("nn.Sequential", {"modules": {1: None}})).data
    at = data.rindex(struct.pack("<i", 0))
    with pytest.raises(ModelError, match="used before"):
        torch7.load(bytes(data[:at] + struct.pack("<ii", 4, 1)), "x", None)
