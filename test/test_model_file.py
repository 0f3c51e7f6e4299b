"""Model files: written in one step, read back, and refused with the reason where anything is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from safetensors.numpy import save_file

from enet_ros import model_file
from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID
from enet_ros.errors import ModelError
from enet_ros.model_file import CARD_KEY, MAX_BYTES
from enet_ros.nn import Dropout, ENet, build, tensors_of
from enet_ros.spec import ENetSpec

SPEC = ENetSpec(11)
CARD = ModelCard("tiny", SPEC, CAMVID, (48, 64))
Tensors = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def tensors() -> Tensors:
    return tensors_of(ENet(SPEC, Dropout(0.0, 0.0, 0.0)))


@pytest.fixture
def path(tensors: Tensors, tmp_path: Path) -> Path:
    model_file.save(tmp_path / "tiny.safetensors", CARD, tensors)
    return tmp_path / "tiny.safetensors"


def test_round_trip(path: Path, tensors: Tensors) -> None:
    model = model_file.load(path)
    assert model.card == CARD.with_(digest=model_file.digest(tensors))
    assert model.tensors.keys() == tensors.keys()
    assert all(np.array_equal(model.tensors[name], tensors[name]) for name in tensors)
    assert model_file.read_card(path) == model.card
    build(model)


def test_nothing_is_left_beside_it(path: Path) -> None:
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o444 == 0o444  # other users' nodes read it too


def test_digest_knows_names_shapes_and_values() -> None:
    one = {"a": np.arange(6, dtype=np.float32), "b": np.zeros(1, np.float32)}
    others = [
        {"a": one["a"].reshape(2, 3), "b": one["b"]},
        {"a": one["a"] + np.float32(1e-6), "b": one["b"]},
        {"c": one["a"], "b": one["b"]},
        {"a": one["a"]},
    ]
    assert len({model_file.digest(tensors) for tensors in (one, *others)}) == 5
    assert model_file.digest(dict(reversed(one.items()))) == model_file.digest(one)


def test_half_precision_is_read(tensors: Tensors, tmp_path: Path) -> None:
    halves = {name: array.astype(np.float16) for name, array in tensors.items()}
    card = CARD.with_(digest=model_file.digest(halves))
    save_file(halves, tmp_path / "half.safetensors", metadata={CARD_KEY: card.to_json()})
    build(model_file.load(tmp_path / "half.safetensors"))


def test_missing_extra_and_misshapen_tensors(path: Path, tensors: Tensors) -> None:
    changed = {name: array for name, array in tensors.items() if name != "last.bias"}
    changed["head.weight"] = np.zeros(3, np.float32)
    changed["initial.conv.weight"] = np.zeros((13, 3, 5, 5), np.float32)
    model_file.save(path, CARD, changed)
    model = model_file.load(path)  # the file is whole; it is the network that it does not fit
    with pytest.raises(ModelError) as caught:
        build(model)
    message = str(caught.value)
    assert "missing last.bias" in message
    assert "unknown head.weight" in message
    assert "initial.conv.weight has shape (13, 3, 5, 5), needs (13, 3, 3, 3)" in message


def test_many_differences_are_cut_short(tensors: Tensors) -> None:
    with pytest.raises(ModelError, match=f"and {len(tensors) - 5} more"):
        build(model_file.Model(CARD, {}))


def test_wrong_digest(path: Path, tensors: Tensors) -> None:
    save_file(tensors, path, metadata={CARD_KEY: CARD.with_(digest="0" * 64).to_json()})
    with pytest.raises(ModelError, match="is damaged: its tensors have digest .*, its card says 000000000000"):
        model_file.load(path)


def test_one_flipped_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="is damaged"):
        model_file.load(path)


@pytest.mark.parametrize("part", [0, 4, 8, 100, 0.5, 0.999])
def test_truncated(path: Path, part: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: part if isinstance(part, int) else int(part * len(data))])
    for read in (model_file.load, model_file.read_card):
        with pytest.raises(ModelError, match="tiny.safetensors is not a readable safetensors file"):
            read(path)


def test_hostile_header_size(path: Path) -> None:
    path.write_bytes((1 << 62).to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        model_file.load(path)


def test_no_metadata(path: Path, tensors: Tensors) -> None:
    save_file(tensors, path)
    for read in (model_file.load, model_file.read_card):
        with pytest.raises(ModelError, match=r"tiny.safetensors carries no enet_ros model card; `enet_ros import`"):
            read(path)


def test_unknown_card_version(path: Path, tensors: Tensors) -> None:
    values = {**json.loads(CARD.to_json()), "version": 99}
    save_file(tensors, path, metadata={CARD_KEY: json.dumps(values)})
    for read in (model_file.load, model_file.read_card):
        with pytest.raises(ModelError, match=f"{path}: the model card has version 99"):
            read(path)


def test_other_numbers_than_floats(path: Path) -> None:
    save_file({"a": np.zeros(3, np.int64)}, path, metadata={CARD_KEY: CARD.to_json()})
    with pytest.raises(ModelError, match="has a as I64; the tensors of a model are F32 or F16"):
        model_file.load(path)


def test_absent_and_oversized_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no model file"):
        model_file.load(tmp_path / "absent.safetensors")
    with open(tmp_path / "large.safetensors", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ModelError, match="has 256 MiB; a model has at most 256 MiB"):
        model_file.load(tmp_path / "large.safetensors")


def test_unwritable_folder(tensors: Tensors, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match=r"cannot write .*; choose a writable folder"):
        model_file.save(tmp_path / "file" / "x.safetensors", CARD, tensors)


def onnx_file(path: Path, card: str | None) -> Path:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [value])
    model = helper.make_model(graph)
    if card is not None:
        helper.set_model_props(model, {CARD_KEY: card})
    onnx.save(model, str(path))
    return path


def test_card_in_onnx(tmp_path: Path) -> None:
    assert model_file.read_card(onnx_file(tmp_path / "x.onnx", CARD.to_json())) == CARD
    with pytest.raises(ModelError, match="carries no enet_ros model card"):
        model_file.read_card(onnx_file(tmp_path / "x.onnx", None))
    (tmp_path / "x.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(ModelError, match="not a readable ONNX file"):
        model_file.read_card(tmp_path / "x.onnx")


def test_resolve(path: Path) -> None:
    assert model_file.resolve(path) == path
    with pytest.raises(ModelError, match="no model 'nowhere': give a file, or a shipped name"):
        model_file.resolve("nowhere")
    for name, shipped in model_file.shipped().items():
        assert model_file.resolve(name) == shipped


def test_shipped_models_are_whole() -> None:
    for name, shipped in model_file.shipped().items():
        model = model_file.load(shipped)
        assert model.card.name == name
        assert model.card.license and model.card.provenance
        build(model)
