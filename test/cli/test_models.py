from __future__ import annotations

import json

import numpy as np
import pytest

from enet_ros import model_file
from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID
from enet_ros.cli import main
from enet_ros.spec import ENetSpec


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of shipped models with one file in it."""
    card = ModelCard(
        "yard",
        ENetSpec(11),
        CAMVID,
        (360, 480),
        metrics=(("miou", 0.613), ("ece", 0.031)),
        provenance="made [here]",
        license="CC BY 4.0",
    )
    tensors = {"a.weight": np.ones((3, 4)), "a.running_mean": np.ones(4), "b.weight": np.ones(5)}
    model_file.save(tmp_path / "yard.safetensors", card, tensors)
    monkeypatch.setattr(model_file, "MODELS_DIR", tmp_path)
    return tmp_path


def test_the_list(models, capsys) -> None:
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    for part in ("yard", "11 (camvid)", "480x360", " 17 ", "miou 61.3 %", "ece 0.031", "CC BY 4.0"):
        assert part in out


def test_the_list_for_programs(models, capsys) -> None:
    assert main(["models", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["name"] == "yard" and entry["parameters"] == 17 and entry["metrics"]["miou"] == 0.613
    assert entry["path"] == str(models / "yard.safetensors") and len(entry["digest"]) == 64


def test_one_card(models, capsys) -> None:
    assert main(["models", "yard"]) == 0
    out = capsys.readouterr().out
    assert "made [here]" in out and "pedestrian" in out and "(pixel - 0) / 255" in out
    assert main(["models", str(models / "yard.safetensors"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["provenance"] == "made [here]"


def test_none_shipped_and_none_such(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(model_file, "MODELS_DIR", tmp_path)
    assert main(["models"]) == 0
    assert "no model is shipped" in capsys.readouterr().out
    assert main(["models", "yard"]) == 2
    assert "there is no model 'yard'" in capsys.readouterr().err


def test_what_is_really_shipped(capsys) -> None:
    if not model_file.shipped():
        pytest.skip("no model is shipped yet: enet_ros/models/ is empty")
    torch_nn = pytest.importorskip("enet_ros.nn", reason="torch is not installed")
    assert main(["models", "--json"]) == 0
    for entry in json.loads(capsys.readouterr().out):
        network = torch_nn.build(model_file.load(entry["path"]))
        assert entry["parameters"] == sum(parameter.numel() for parameter in network.parameters())
        assert entry["license"] and entry["provenance"]
