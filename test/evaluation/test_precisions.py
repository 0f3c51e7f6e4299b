"""What a faster precision keeps of a model's labels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest

from enet_ros import model_file
from enet_ros.cli import main
from enet_ros.engines import create
from enet_ros.errors import ConfigError
from enet_ros.evaluation.precisions import labels_kept, record_kept
from enet_ros.frames.files import from_folder
from enet_ros.frames.street import from_street

NO_BF16 = "BF16" not in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The default model, whose card has nothing of bf16."""
    shipped = model_file.load(model_file.resolve(model_file.DEFAULT))
    metrics = tuple(pair for pair in shipped.card.metrics if "bf16" not in pair[0])
    model_file.save(tmp_path / "m.safetensors", shipped.card.with_(metrics=metrics), shipped.tensors)
    return tmp_path / "m.safetensors"


@pytest.mark.skipif(NO_BF16, reason="the CPU has no bf16")
def test_the_share_is_that_of_the_labels_of_fp32(model: Path) -> None:
    images = [frame.rgb for frame in from_street(2, step=40)]
    labels = []
    for precision in ("fp32", "bf16"):
        with create("openvino", model, precision=precision) as engine:
            labels.append([engine.infer(np.ascontiguousarray(image[::2, ::2])).labels for image in images])
    expected = np.mean(np.array(labels[0]) == np.array(labels[1]))
    kept = labels_kept(model, [np.ascontiguousarray(image[::2, ::2]) for image in images])
    assert kept == pytest.approx(expected, abs=1e-4)
    assert 0.99 < kept < 1
    with pytest.raises(ConfigError, match="no image to measure"):
        record_kept(model, [])


@pytest.mark.skipif(NO_BF16, reason="the CPU has no bf16")
def test_the_verb_writes_it_to_the_card(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for frame in from_street(2, width=240, height=176):
        cv2.imwrite(str(frames / f"{frame.name}.png"), frame.rgb[..., ::-1])
    before = model_file.load(model)
    assert main(["models", str(model), "--measure", str(frames)]) == 0
    assert "labels kept by bf16" in capsys.readouterr().out
    after = model_file.load(model)
    metrics = dict(after.card.metrics)
    kept = metrics.pop("labels_kept_by_bf16")
    assert kept == pytest.approx(labels_kept(model, [frame.rgb for frame in from_folder(frames)]), abs=1e-5)
    assert after.card.digest == before.card.digest and metrics == dict(before.card.metrics)
    assert main(["models", "--measure", str(frames)]) == 2
