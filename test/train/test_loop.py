"""A run killed at any moment ends with the very weights of a run that was not; and training learns."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from enet_ros import model_file
from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID, CITYSCAPES20
from enet_ros.cli import main
from enet_ros.datasets.base import Pair
from enet_ros.errors import ConfigError, EnetRosError, ModelError
from enet_ros.metrics import ConfusionMatrix
from enet_ros.nn import Dropout, ENet, build, tensors_of
from enet_ros.spec import ENetSpec
from enet_ros.train import loop
from enet_ros.train.batches import Part, count_pixels
from enet_ros.train.checkpoint import read
from enet_ros.train.evaluation import CALIBRATE_EVERY, calibrate, confusion, sampled_logits
from enet_ros.train.loop import RunConfig, Trainer
from enet_ros.train.losses import class_weights, lovasz_softmax
from enet_ros.train.mix import Mix, Targets
from enet_ros.train.recipe import DEFAULT, NO_AUGMENTATION, PAPER
from enet_ros.train.transfer import transfer

CARD = ModelCard("toy", ENetSpec(11), CAMVID, (32, 48))


def toy_pairs(count: int) -> list[Pair]:
    """Sky above road, at a height that differs from frame to frame, in colours that tell them apart."""
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(count):
        row = int(rng.integers(8, 24))
        labels = np.zeros((32, 48), np.uint8)
        labels[row:] = 3
        image = np.where(labels[..., None] == 0, [180, 200, 230], [70, 70, 75]) + rng.integers(-20, 20, (32, 48, 3))
        pairs.append((image.astype(np.uint8), labels))
    return pairs


def mix(pairs: list[Pair], held_out: list[Pair] | None = None) -> Mix:
    """A run on one set, whose labels are CamVid's ids."""
    return Mix(Targets(CAMVID), [Part(pairs)], pairs, held_out or [], "toys")


def camvid_folder(root: Path) -> Path:
    """Toy frames in CamVid's layout."""
    for split, count in (("train", 6), ("val", 2)):
        (root / split).mkdir(parents=True)
        (root / f"{split}annot").mkdir()
        for index, (image, labels) in enumerate(toy_pairs(count)):
            cv2.imwrite(str(root / split / f"0001TP_{index:06}.png"), image[..., ::-1])
            cv2.imwrite(str(root / f"{split}annot" / f"0001TP_{index:06}.png"), labels)
    return root


def command(data: Path, out: Path) -> list[str]:
    options = f"train --data camvid={data} --out {out} --epochs 4 --batch 2 --size 48x32 --compile off --threads 1"
    return options.split()


def test_a_killed_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    data = camvid_folder(tmp_path / "data")
    assert main(command(data, tmp_path / "whole")) == 0
    checkpoint = tmp_path / "killed" / "checkpoint.pt"
    run = [sys.executable, "-c", "import sys; from enet_ros.cli import main; sys.exit(main())"]
    process = subprocess.Popen([*run, *command(data, tmp_path / "killed")], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not checkpoint.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    assert main(command(data, tmp_path / "killed")) == 0
    whole, resumed = (model_file.load(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert whole.card.digest == resumed.card.digest
    logs = [list(csv.DictReader((tmp_path / name / "log.csv").open())) for name in ("whole", "killed")]
    losses, resumed_losses = ([row["loss"] for row in log] for log in logs)
    assert losses == resumed_losses
    assert len(logs[1]) == 4
    assert [row["miou"] != "" for row in logs[1]] == [False, False, False, True]
    assert cv2.imread(str(tmp_path / "killed" / "curves.png")) is not None


def test_a_run_whose_worker_is_killed_says_so_and_goes_on_later(tmp_path: Path) -> None:
    asked = [*command(camvid_folder(tmp_path / "data"), tmp_path / "run"), "--workers", "1"]
    run = [sys.executable, "-c", "import sys; from enet_ros.cli import main; sys.exit(main())"]
    process = subprocess.Popen([*run, *asked, "--epochs", "500"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "checkpoint.pt").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    (worker,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(worker), signal.SIGKILL)
    told = process.communicate(timeout=120)[1]
    assert process.returncode not in (0, -signal.SIGKILL)
    assert "a process that augments ended" in told and "fewer --workers" in told and "Traceback" not in told
    saved = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert 0 < saved["epoch"] < 500


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here: nothing was trained on one")
@pytest.mark.parametrize("options", ["--compile on", "--compile off --recipe paper", "--recipe road --keep-init 0.2"])
def test_on_a_gpu(tmp_path: Path, options: str) -> None:
    begin = f"--device cuda --init camvid --workers 2 {options}".split()
    asked = [*command(camvid_folder(tmp_path / "data"), tmp_path / "run"), *begin]
    assert main(asked) == 0
    model = tmp_path / "run" / "model.safetensors"
    first = model_file.load(model)
    model.unlink()
    assert main(asked) == 0, "from the checkpoint after the last epoch"
    for name, tensor in model_file.load(model).tensors.items():
        np.testing.assert_array_equal(tensor, first.tensors[name])
    losses = [float(row["loss"]) for row in csv.DictReader((tmp_path / "run" / "log.csv").open())]
    assert len(losses) == (8 if "paper" in options else 4) and losses[-1] < losses[0]


def test_another_recipe_does_not_go_on_from_a_checkpoint(tmp_path: Path) -> None:
    recipe = DEFAULT.with_(epochs=1, batch=2)
    Trainer(CARD, recipe, mix(toy_pairs(2)), RunConfig(tmp_path)).run()
    with pytest.raises(ConfigError, match="another recipe"):
        Trainer(CARD, recipe.with_(seed=9), mix(toy_pairs(2)), RunConfig(tmp_path)).run()
    with pytest.raises(ConfigError, match="other_model"):
        Trainer(CARD, recipe, mix(toy_pairs(2)), RunConfig(tmp_path), "other_model").run()
    others = [(image, np.where(labels == 3, 4, labels).astype(np.uint8)) for image, labels in toy_pairs(2)]
    with pytest.raises(ConfigError, match="pixels a class"):
        Trainer(CARD, recipe, mix(others), RunConfig(tmp_path)).run()
    (tmp_path / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        read(tmp_path / "checkpoint.pt", "")


def test_it_learns_two_classes(tmp_path: Path) -> None:
    recipe = DEFAULT.with_(epochs=30, batch=4, augmentation=NO_AUGMENTATION, ema=0.0, learning_rate=5e-3)
    pairs, held_out = toy_pairs(12), toy_pairs(15)[12:]
    network = Trainer(CARD, recipe, mix(pairs, held_out), RunConfig(tmp_path)).run()
    assert confusion(network, CARD, held_out).pixel_accuracy() > 0.9
    temperature = calibrate(network, CARD, held_out)
    logits, target = sampled_logits(network, CARD, held_out, CALIBRATE_EVERY)
    after, before = (torch.nn.functional.cross_entropy(logits.double() / t, target) for t in (temperature, 1.0))
    assert 0.5 <= temperature <= 4.0 and after <= before + 1e-9


def test_the_papers_recipe_trains_the_encoder_first(tmp_path: Path) -> None:
    recipe = PAPER.with_(epochs=1, encoder_epochs=1, batch=2)
    start = tensors_of(Trainer(CARD, recipe, mix(toy_pairs(2)), RunConfig(tmp_path / "a")).network)
    trainer = Trainer(CARD, recipe, mix(toy_pairs(2)), RunConfig(tmp_path))
    trainer.run()
    assert [row["stage"] for row in trainer.log.rows] == ["encoder", "full"]
    changed = {name for name, tensor in tensors_of(trainer.network).items() if (tensor != start[name]).any()}
    assert "initial.conv.weight" in changed and "last.weight" in changed


def test_a_run_that_has_ended_gives_its_weights_again(tmp_path: Path) -> None:
    """It goes on after the last epoch of the last stage, of which nothing is left."""
    recipe = PAPER.with_(epochs=1, encoder_epochs=1, batch=2)
    first, again = (Trainer(CARD, recipe, mix(toy_pairs(2)), RunConfig(tmp_path)).run() for _ in range(2))
    for name, tensor in tensors_of(first).items():
        np.testing.assert_array_equal(tensors_of(again)[name], tensor)


def test_a_cityscapes_model_lends_its_classes_by_name() -> None:
    source = ENet(ENetSpec(20, decoder_activation="relu", decoder_output_activation="relu"))
    card = ModelCard("city", source.spec, CITYSCAPES20, (32, 48))
    network = ENet(ENetSpec(11))
    taken = transfer(network, CAMVID, model_file.Model(card, tensors_of(source)))
    assert len(taken.classes) == 11 and taken.fresh == ()
    road, pavement = CAMVID.index("road"), CAMVID.index("pavement")
    assert network.last.weight[:, road].equal(source.last.weight[:, CITYSCAPES20.index("road")])
    assert network.last.weight[:, pavement].equal(source.last.weight[:, CITYSCAPES20.index("sidewalk")])
    image = torch.rand(1, 3, 32, 48)
    ours, theirs = network.eval()(image), source.eval()(image)
    torch.testing.assert_close(ours[:, road], theirs[:, CITYSCAPES20.index("road")])


def test_a_folder_pair_trains_and_holds_out_by_sequence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = camvid_folder(tmp_path / "data")
    shutil.copy(data / "train" / "0001TP_000000.png", data / "train" / "0006R0_f00001.png")
    shutil.copy(data / "trainannot" / "0001TP_000000.png", data / "trainannot" / "0006R0_f00001.png")
    pair = ["train", "--images", str(data / "train"), "--labels", str(data / "trainannot"), "--classes", "camvid"]
    options = ["--epochs", "1", "--batch", "2", "--size", "48x32", "--compile", "off", "--hold-out"]
    assert main([*pair, *options, "0006R0", "--out", str(tmp_path / "out")]) == 0
    assert "6 frames to train on, 1 held out" in capsys.readouterr().out
    card = model_file.read_card(tmp_path / "out" / "model.safetensors")
    assert dict(card.metrics).keys() >= {"held_out_miou"} and "0006R0" in card.provenance
    assert main([*pair, *options, "Seq05VD", "--out", str(tmp_path / "out")]) == 2
    assert "Seq05VD" in capsys.readouterr().err


def test_sizes_that_are_no_multiples_of_eight_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["train", "--data", str(tmp_path), "--dataset", "camvid", "--out", str(tmp_path), "--size", "48x30"]) == 2
    )
    assert "48x30" in capsys.readouterr().err


def test_the_saved_model_rebuilds_itself(tmp_path: Path) -> None:
    network = ENet(ENetSpec(11)).eval()
    card = model_file.save(tmp_path / "m.safetensors", CARD, tensors_of(network))
    rebuilt = build(model_file.load(tmp_path / "m.safetensors"))
    image = torch.rand(1, 3, 30, 44)
    assert rebuilt(image).equal(network(image)) and len(card.digest) == 64


def with_cars(count: int) -> list[Pair]:
    """Toy frames with a rare third class."""
    pairs = toy_pairs(count)
    for _, labels in pairs:
        labels[:6, :6] = 8
    return pairs


def one_step(tmp_path: Path, **changes: object) -> tuple[float, Trainer]:
    """The loss of a first step on four frames, and the trainer that took it."""
    recipe = DEFAULT.with_(
        epochs=1, batch=4, augmentation=NO_AUGMENTATION, dropout=(0.0, 0.0, 0.0), lovasz=0.0, class_weight_c=0.0
    )
    losses: list[float] = []
    config = RunConfig(tmp_path, report=lambda progress: losses.append(progress.loss))
    trainer = Trainer(CARD, recipe.with_(**changes), mix(with_cars(4)), config)
    trainer.run()
    (tmp_path / "checkpoint.pt").unlink()
    return losses[0], trainer


def test_the_loss_is_the_weighted_entropy_and_the_share_of_lovasz(tmp_path: Path) -> None:
    torch.manual_seed(DEFAULT.seed)
    network = ENet(CARD.spec, Dropout(0.0, 0.0, 0.0)).train()
    pairs = with_cars(4)
    labels = torch.from_numpy(np.stack([truth for _, truth in pairs])).long()
    logits = network(torch.from_numpy(np.stack([image for image, _ in pairs])).permute(0, 3, 1, 2).float() / 255)
    weights = class_weights(count_pixels([Part(pairs)]), 1.02)
    weights = torch.nn.functional.pad(weights, (0, 11 - len(weights)), value=9.0)
    entropy, weighted = (torch.nn.functional.cross_entropy(logits, labels, w).item() for w in (None, weights))
    surrogate = lovasz_softmax(logits[:, :, 1::4, 1::4], labels[:, 1::4, 1::4], torch.eye(256, 11).bool()).item()
    assert abs(weighted - entropy) > 1e-3
    cases: list[tuple[dict[str, object], float]] = [
        ({}, entropy),
        ({"class_weight_c": 1.02}, weighted),
        ({"lovasz": 0.25}, entropy + 0.25 * surrogate),
    ]
    for changes, expected in cases:
        assert one_step(tmp_path, **changes)[0] == pytest.approx(expected, rel=1e-4), changes


def test_what_is_flat_and_not_road_weighs_more(tmp_path: Path) -> None:
    trainer = Trainer(CARD, DEFAULT.with_(class_weight_c=0.0, flat_weight=2.5), mix(toy_pairs(2)), RunConfig(tmp_path))
    assert trainer.weights.tolist() == [2.5 if name == "pavement" else 1.0 for name in CAMVID.names]


def test_long_gradients_are_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adam's step does not depend on the gradient's length, unless it is far below its epsilon."""
    fresh = Trainer(CARD, DEFAULT, mix(toy_pairs(4)), RunConfig(tmp_path)).network
    start = {name: tensor.clone() for name, tensor in fresh.named_parameters()}

    def moved(trainer: Trainer) -> float:
        return max(float((t - start[n]).abs().max()) for n, t in trainer.network.named_parameters())

    quiet = {"weight_decay": 0.0, "learning_rate": 1e-2}
    usual = moved(one_step(tmp_path, **quiet)[1])
    monkeypatch.setattr(loop, "GRADIENT_NORM", 1e-12)
    assert moved(one_step(tmp_path, **quiet)[1]) < 0.01 * usual


@pytest.mark.parametrize("device", ["cpu", "cpu:0"], ids=["asked after every step", "asked now and then"])
def test_a_loss_that_is_no_number_reaches_no_checkpoint(tmp_path: Path, device: str) -> None:
    """Also where the last batch of the epoch is all void, and a device that runs behind is not asked there."""
    pairs = toy_pairs(8)
    trainer = Trainer(CARD, DEFAULT.with_(epochs=1, batch=2, lovasz=0.0), mix(pairs), RunConfig(tmp_path, device))
    batches = list(trainer.batches.epoch(0))
    batches[-1] = (batches[-1][0], torch.full_like(batches[-1][1], 255))
    trainer.batches.epoch = lambda epoch: iter(batches)  # type: ignore[method-assign]

    def spoil(progress: loop.Progress) -> None:
        with torch.no_grad():
            trainer.network.last.weight.fill_(torch.nan)

    trainer.config = RunConfig(tmp_path, device, report=spoil)
    with pytest.raises(EnetRosError, match="the loss or its gradient is nan in epoch 1; use a smaller --learning-rate"):
        trainer.run()
    assert not trainer.checkpoint.exists()


def test_the_learning_rate_falls_within_an_epoch(tmp_path: Path) -> None:
    recipe = DEFAULT.with_(epochs=3, batch=2, warmup_epochs=0.0)
    trainer = Trainer(CARD, recipe, mix(toy_pairs(8)), RunConfig(tmp_path))
    trainer.run()
    rates = [float(row["learning_rate"]) for row in trainer.log.rows]
    assert rates == pytest.approx([recipe.rate(epoch + 3 / 4, 3) for epoch in range(3)], rel=1e-3)


def test_the_averaged_weights_are_scored_kept_and_returned(tmp_path: Path) -> None:
    kept = []

    def keep(network: ENet, scores: ConfusionMatrix | None) -> None:
        assert scores is not None
        expected = {name: tensor.clone() for name, tensor in trainer.average.state.items()}
        kept.append((tensors_of(network), expected, tensors_of(trainer.network), scores.counts.copy()))

    recipe = DEFAULT.with_(epochs=6, batch=2, ema=0.99, learning_rate=2e-2)
    held_out = toy_pairs(12)[10:]
    trainer = Trainer(CARD, recipe, mix(toy_pairs(6), held_out), RunConfig(tmp_path, keep=keep))
    final = trainer.run()
    ((network, average, latest, counts),) = kept
    for name in ("initial.conv.weight", "last.bias", "stage1.0.expand.0.running_mean"):
        if name in network:
            np.testing.assert_array_equal(network[name], average[name].numpy())
    assert (network["initial.conv.weight"] != latest["initial.conv.weight"]).any()
    rebuilt = trainer.averaged()
    rebuilt.load_state_dict(average)
    np.testing.assert_array_equal(counts, confusion(rebuilt, CARD, held_out).counts)
    assert final.last.weight.equal(trainer.average.state["last.weight"])
    assert not final.last.weight.equal(trainer.network.last.weight)
    assert float(trainer.log.rows[-1]["miou"]) == pytest.approx(confusion(final, CARD, held_out).miou(), abs=1e-4)
