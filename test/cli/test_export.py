"""`enet_ros export`, from the command line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from enet_ros.cli import main
from enet_ros.model_file import read_card


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_the_default_is_an_onnx_file_named_like_the_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--model", "camvid", "--size", "96x64"]) == 0
    assert "camvid.onnx: 96x64" in capsys.readouterr().err
    assert read_card("camvid.onnx").input_size == (64, 96)


def test_int8_reports_what_it_costs(capsys: pytest.CaptureFixture[str]) -> None:
    Path("frames").mkdir()
    for seed in range(3):
        image = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8)
        cv2.imwrite(f"frames/{seed}.png", image)
    arguments = ["--size", "96x64", "--precision", "int8", "--calibration", "frames", "-o", "small.onnx"]
    assert main(["export", *arguments]) == 0
    text = capsys.readouterr().err
    assert "int8" in text and "of the labels are the same" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "big"], "--size big: write WIDTHxHEIGHT, such as 480x360"),
        (["--size", "4x4"], "use sides of 8..8192"),
        (["--precision", "bf16"], "bf16 is chosen when"),
        (["--precision", "int8"], "--calibration"),
        (["--calibration", "."], "is for --precision int8"),
        (["--model", "nope"], "no model 'nope'"),
        (["-o", "camvid.pt"], "must end in .onnx"),
    ],
)
def test_wrong_input(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", *arguments]) == 2
    assert message in capsys.readouterr().err
