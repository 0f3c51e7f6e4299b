"""Which frames a run trains on and which it scores on; options that cannot be kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from enet_ros import model_file
from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID, CITYSCAPES, VOID
from enet_ros.cli import main
from enet_ros.datasets.opening import open_dataset
from enet_ros.errors import ModelError
from enet_ros.nn import ENet, build, tensors_of
from enet_ros.spec import ENetSpec, variant
from enet_ros.train import session
from enet_ros.train.batches import Part
from enet_ros.train.evaluation import calibrate
from enet_ros.train.loop import RunConfig, Trainer
from enet_ros.train.mix import Mix, Targets
from enet_ros.train.recipe import DEFAULT, FINETUNE, NO_AUGMENTATION

SPLITS = {"train": ("0001TP_000001", "0001TP_000002", "0006R0_f00001"), "val": ("0016E5_07959", "0001TP_000003")}


def frame(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((32, 48), value, np.uint8))


@pytest.fixture
def camvid(tmp_path: Path) -> Path:
    root = tmp_path / "camvid"
    for split, names in SPLITS.items():
        for name in names:
            frame(root / split / f"{name}.png", 90)
            frame(root / f"{split}annot" / f"{name}.png", 3)
    return root


def train(root: Path, *options: str) -> int:
    fixed = "--dataset camvid --epochs 1 --batch 2 --size 48x32 --compile off --threads 1"
    out = root.parent / "out"
    return main(["train", "--data", str(root), *fixed.split(), "--out", str(out), *options])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "3 frames to train on, 2 held out"),
        (("--with-val",), "5 frames to train on, 0 held out"),
        (("--hold-out", "0001TP"), "1 frames to train on, 2 held out"),
        (("--hold-out", "0001TP", "--with-val"), "2 frames to train on, 3 held out"),
    ],
)
def test_frames_are_trained_on_or_held_out(
    camvid: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    assert train(camvid, *options) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--device", "abacus"), "abacus"),
        (("--threads", "-1"), "--threads is -1"),
        (("--seed", "-1"), "seed is -1"),
        (("--keep-init", "1"), "share of the initial weights is 1"),
        (("--scale", "2", "0.5"), "scale is 2 to 0.5"),
        (("--class-weight-c", "0.9"), "class weight c is 0.9"),
        (("--dataset", "sunrgbd", "--with-val"), "no split `val`"),
    ],
)
def test_an_option_that_cannot_be_kept_is_refused(
    camvid: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    (camvid / "SUNRGBD-train_images").mkdir()
    frame(camvid / "SUNRGBD-train_images" / "img-000001.png", 90)
    frame(camvid / "sunrgbd_train_test_labels" / "img-000001.png", 1)
    assert train(camvid, *options) == 2
    assert said in capsys.readouterr().err


def test_the_card_says_how_it_was_trained(camvid: Path) -> None:
    assert train(camvid, "--scale", "0.8", "1.25", "--class-weight-c", "0", "--recipe", "paper") == 0
    said = model_file.read_card(camvid.parent / "out" / "model.safetensors").provenance
    assert "recipe paper, scale 0.8 to 1.25, c 0, 1 epochs of the encoder and 1 epochs on frames: 3 of camvid" in said


def test_what_bf16_keeps_is_measured_on_the_held_out_frames(camvid: Path) -> None:
    assert train(camvid) == 0
    ov = pytest.importorskip("openvino", reason="openvino is not installed")
    found = dict(model_file.read_card(camvid.parent / "out" / "model.safetensors").metrics).get("labels_kept_by_bf16")
    if "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert found is not None and 0.5 < found <= 1
    else:
        assert found is None


def test_a_share_of_the_weights_begun_from_is_kept(camvid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(4)
    other = ENet(ENetSpec(11))
    start = camvid.parent / "start.safetensors"
    model_file.save(start, ModelCard("start", other.spec, CAMVID, (32, 48)), tensors_of(other))
    options = ("--init", str(start), "--learning-rate", "0.01", "--recipe", "paper")  # which does not balance

    def weights(name: str, *more: str) -> dict[str, np.ndarray]:
        assert train(camvid, *options, *more, "--out", str(camvid.parent / name)) == 0
        return model_file.load(camvid.parent / name / "model.safetensors").tensors

    trained, kept = weights("trained"), weights("kept", "--keep-init", "0.25")
    for name, begun in tensors_of(other).items():
        if begun.dtype.kind == "f":
            np.testing.assert_allclose(kept[name], 0.25 * begun + 0.75 * trained[name], rtol=1e-4, atol=1e-6)
    assert np.abs(trained["last.weight"] - tensors_of(other)["last.weight"]).max() > 1e-3
    assert (
        "begun from start (25 % of its weights kept)"
        in model_file.read_card(camvid.parent / "kept" / "model.safetensors").provenance
    )
    assert train(camvid, "--keep-init", "0.25") == 2
    assert "needs --init" in capsys.readouterr().err


def test_finetuning_leaves_the_first_stages_as_they_were(camvid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(4)
    other = ENet(ENetSpec(11))
    start = camvid.parent / "start.safetensors"
    model_file.save(start, ModelCard("start", other.spec, CAMVID, (32, 48)), tensors_of(other))
    assert train(camvid, "--recipe", "finetune", "--init", str(start), "--batch", "40") == 0
    log = (camvid.parent / "out" / "log.csv").read_text().splitlines()
    assert len(log) == 2, "one epoch"
    trained = model_file.load(camvid.parent / "out" / "model.safetensors").tensors
    begun = tensors_of(other)
    moved = {name.partition(".")[0] for name in begun if not np.array_equal(trained[name], begun[name])}
    assert moved == {name.partition(".")[0] for name in begun} - set(FINETUNE.frozen)
    assert train(camvid, "--recipe", "finetune", "--out", str(camvid.parent / "other")) == 2
    assert "name that one by --init" in capsys.readouterr().err


def test_finetuning_on_coarse_labels_alone_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("train", "val"):
        frame(tmp_path / "lums" / split / "a.png", 90)
        frame(tmp_path / "lums" / f"{split}annot" / "a.png", 2)
    options = (
        "--dataset lums --recipe finetune --init camvid --epochs 1 --batch 160 --size 48x32 --compile off --threads 1"
    )
    assert main(["train", "--data", str(tmp_path / "lums"), *options.split(), "--out", str(tmp_path / "out")]) == 0
    assert "what they do not tell apart is forgotten" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("fast_cpu", "least"), [(False, 0), (True, session.COMPILED_FRAMES)])
def test_where_compiling_does_not_pay_nothing_is_compiled(
    camvid: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fast_cpu: bool, least: int
) -> None:
    """On a slow processor, and for few frames."""
    monkeypatch.setattr(session, "_fast_cpu", lambda: fast_cpu)
    monkeypatch.setattr(session, "COMPILED_FRAMES", least)
    assert train(camvid, "--compile", "auto", "--device", "cpu") == 0
    assert "1 epochs on cpu\n" in capsys.readouterr().out


def test_the_temperature_is_that_of_the_balanced_network(camvid: Path) -> None:
    """Labels are wrong here and there, and more so in held-out frames; a rare class is balanced."""
    rng = np.random.default_rng(0)
    for split, names in SPLITS.items():
        for name in names:
            truth = np.where(np.arange(48) < 30, 3, np.where(np.arange(48) < 42, 4, 8)) + np.zeros((32, 1), int)
            image = (30 * truth[..., None] + rng.normal(0, 20, (32, 48, 3))).clip(0, 255).astype(np.uint8)
            wrong = rng.random(truth.shape) < (0.1 if split == "train" else 0.2)
            truth[wrong] = rng.choice([3, 4, 8], wrong.sum())
            cv2.imwrite(str(camvid / split / f"{name}.png"), image)
            cv2.imwrite(str(camvid / f"{split}annot" / f"{name}.png"), truth.astype(np.uint8))
    assert train(camvid, "--learning-rate", "0.01", "--epochs", "25") == 0
    model = model_file.load(camvid.parent / "out" / "model.safetensors")
    dataset = open_dataset("camvid", camvid, "val")
    held_out = [dataset.read(index) for index in range(len(dataset))]
    network = build(model)
    assert calibrate(network, model.card, held_out) == model.card.temperature


def test_it_is_told_what_another_model_cannot_give(camvid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = ENet(variant("caffe", 19))
    card = ModelCard("caffe", other.spec, CITYSCAPES, (32, 48), channel_order="bgr")
    model_file.save(camvid.parent / "caffe.safetensors", card, tensors_of(other))
    assert train(camvid, "--init", str(camvid.parent / "caffe.safetensors")) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "11 classes by name" in said and "begin at random" in said and "it expects bgr" in said


def test_sun_rgbd_trains_without_a_val_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame(tmp_path / "SUNRGBD-train_images" / "img-000001.png", 90)
    frame(tmp_path / "sunrgbd_train_test_labels" / "img-000001.png", 1)
    assert train(tmp_path, "--dataset", "sunrgbd", "--out", str(tmp_path / "out")) == 0
    assert "1 frames to train on, 0 held out" in capsys.readouterr().out
    assert model_file.read_card(tmp_path / "out" / "model.safetensors").classes.name == "sunrgbd"


def test_a_batch_of_void_teaches_nothing_and_ends_nothing(tmp_path: Path) -> None:
    image, road = np.full((32, 48, 3), 90, np.uint8), np.full((32, 48), 3, np.uint8)
    pairs = [(image, road), (image, np.full_like(road, VOID))]
    recipe = DEFAULT.with_(epochs=1, batch=1, augmentation=NO_AUGMENTATION)
    card = ModelCard("toy", ENetSpec(11), CAMVID, (32, 48))
    trainer = Trainer(card, recipe, Mix(Targets(CAMVID), [Part(pairs)], pairs, [], ""), RunConfig(tmp_path))
    trainer.run()
    assert float(trainer.log.rows[0]["loss"]) > 0 and trainer.average.steps == 1


def test_without_matplotlib_there_is_a_model(
    camvid: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as where it is not installed
    assert train(camvid) == 0
    assert "there is no curves.png" in capsys.readouterr().out
    assert model_file.read_card(camvid.parent / "out" / "model.safetensors").name == "camvid"


def test_a_checkpoint_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    card = ModelCard("toy", ENetSpec(11), CAMVID, (32, 48))
    pairs = [(np.full((32, 48, 3), 90, np.uint8), np.full((32, 48), 3, np.uint8))]
    recipe = DEFAULT.with_(epochs=1, batch=1)
    (tmp_path / f"checkpoint.pt.{os.getpid()}.part").mkdir()
    with pytest.raises(ModelError, match="cannot write .*checkpoint.pt"):
        Trainer(card, recipe, Mix(Targets(CAMVID), [Part(pairs)], pairs, [], ""), RunConfig(tmp_path)).run()
