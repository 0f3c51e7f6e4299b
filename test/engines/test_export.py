"""Exported files: read back by the runtimes they are for, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from plain_models import SIZE, picture, plain

from enet_ros.engines import create
from enet_ros.engines.export import export
from enet_ros.errors import ConfigError, EngineError
from enet_ros.model_file import CARD_KEY, Model, read_card


def test_onnx_carries_the_card_and_the_size(model: Model, model_path: Path, tmp_path: Path) -> None:
    out = export(model_path, tmp_path / "new" / "test.onnx", size=(48, 64))
    assert read_card(out) == model.card.with_(input_size=(48, 64))
    graph = onnx.load(str(out)).graph
    assert [o.name for o in graph.output] == ["labels", "confidence"]
    assert [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim] == [1, 48, 64, 3]


def test_openvino_files_run_in_openvino(model: Model, model_path: Path, tmp_path: Path) -> None:
    ov = pytest.importorskip("openvino", reason="OpenVINO reads what is written: pip install openvino")
    out = export(model_path, tmp_path / "test.xml", format="openvino")
    assert out.with_suffix(".bin").is_file()
    core = ov.Core()
    network = core.read_model(out)
    assert model.card.digest in str(network.get_rt_info(CARD_KEY).value)
    image = picture(SIZE)
    result = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})({"image": image[None]})
    assert np.mean(result["labels"] == plain(model, image)[0]) >= 0.999


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_int8_is_calibrated_and_runs(name: str, model: Model, model_path: Path, tmp_path: Path) -> None:
    images = [picture(SIZE, seed) for seed in range(4)]
    out = export(model_path, tmp_path / "test.onnx", precision="int8", calibration=images)
    nodes = onnx.load(str(out)).graph.node
    kinds = [node.op_type for node in nodes]
    assert kinds.count("QuantizeLinear") > 50
    assert read_card(out).digest == model.card.digest
    engine = create(name, out, precision="int8")
    assert engine.info.precision == "int8"
    agreement = np.mean(engine.infer(images[0]).labels == plain(model, images[0])[0])
    assert agreement >= 0.6  # random weights leave classes close; a broken graph would be near 1 in 11


def test_fp16_runs(model: Model, model_path: Path, tmp_path: Path) -> None:
    out = export(model_path, tmp_path / "test.onnx", precision="fp16")
    engine = create("onnxruntime", out)
    assert engine.info.precision == "fp16"
    image = picture(SIZE)
    assert np.mean(engine.infer(image).labels == plain(model, image)[0]) >= 0.97


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"format": "caffe"}, ConfigError, "no format 'caffe'"),
        ({"format": "openvino"}, ConfigError, r"must end in \.xml"),
        ({"precision": "bf16"}, ConfigError, "bf16 is chosen when the fp32 file is run"),
        ({"precision": "int8"}, EngineError, "int8 needs images"),
        ({"precision": "int8", "calibration": [np.zeros((8, 8, 3), np.uint8)]}, EngineError, "takes a uint8"),
    ],
)
def test_a_wrong_wish_writes_nothing(arguments, error, message, model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(error, match=message):
        export(model_path, tmp_path / "test.onnx", **arguments)
    assert list(tmp_path.glob("test*")) == []


def test_an_exported_file_is_not_exported_again(model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="exported already"):
        export(export(model_path, tmp_path / "test.onnx"), tmp_path / "again.onnx")
