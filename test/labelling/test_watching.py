"""What one sees of a bag that is being labelled is what is written of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rerun", reason="rerun-sdk is not installed")

from rrd import Recorded

from enet_ros.bags.messages import label_image
from enet_ros.bags.reader import BagReader
from enet_ros.camera import CameraPose
from enet_ros.card import ModelCard
from enet_ros.cli import main
from enet_ros.engines.base import Engine
from enet_ros.errors import ConfigError
from enet_ros.labelling import OutputSettings, label, watching
from enet_ros.labelling.watching import BagView
from enet_ros.viewer import RECORDED, opened

IMAGE = "/camera/image_raw/compressed"
BASE = f"/base{IMAGE}"
POSE = CameraPose(1.5, pitch_rad=0.1)


def test_frames_are_shown_as_they_are_written(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PERIOD_S", 0.0)
    settings = OutputSettings(pose=POSE)
    with opened(str(tmp_path / "seen.rrd"), RECORDED) as window:
        view = BagView(window, card, settings)
        label(street, tmp_path / "out", card, engine, settings, watch=view)
    seen = Recorded(tmp_path / "seen.rrd")
    with BagReader(tmp_path / "out") as reader:
        mask = "/camera/segmentation/mask/compressed"
        kind = reader.topic(mask).type
        written = [label_image(kind, message.data) for message in reader.messages([mask])]
    shown = [np.array(row[0], np.uint8).reshape(144, 192) for row in seen.rows(f"{BASE}/lens/mask", "buffer")]
    assert len(shown) == len(written) == 12
    assert all(np.array_equal(a, b) for a, (_, b) in zip(shown, written, strict=True))
    masks = [chunk for chunk in seen.chunks if chunk.entity_path == f"{BASE}/lens/mask"]
    stamps = [s for chunk in masks for s in chunk.to_record_batch().column("stamp").cast("int64").to_pylist()]
    assert stamps == [header.stamp_ns for header, _ in written]
    assert seen.last(f"{BASE}/lens", "translation") == [pytest.approx([0.0, 0.0, 1.5])]
    assert seen.last(f"{BASE}/free_space", "strips")


def test_looking_waits_between_two_frames(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PERIOD_S", 1e6)
    settings = OutputSettings(("mask",))
    with opened(str(tmp_path / "seen.rrd"), RECORDED) as window:
        label(
            street,
            tmp_path / "out",
            card,
            engine,
            settings,
            watch=BagView(window, card, settings),
        )
    shown = Recorded(tmp_path / "seen.rrd").rows(f"{BASE}/lens/mask", "buffer")
    assert len(shown) == 1


def test_without_a_mask_there_is_nothing_to_see(card: ModelCard, tmp_path: Path) -> None:
    with (
        opened(str(tmp_path / "seen.rrd"), RECORDED) as window,
        pytest.raises(ConfigError, match="have mask or mask/compressed among --outputs"),
    ):
        BagView(window, card, OutputSettings(("free_space",)))


def test_the_verb_looks_at_one_bag_alone(street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, rrd = tmp_path / "out", tmp_path / "seen.rrd"
    assert main(["label", str(street), str(out), "--engine", "onnxruntime", "--view", str(rrd)]) == 0
    assert Recorded(rrd).rows(f"{BASE}/lens/mask", "buffer")
    assert main(["label", str(street), "-o", str(tmp_path / "many"), "--view", str(rrd)]) == 2
    assert "leave it out with -o" in capsys.readouterr().err
