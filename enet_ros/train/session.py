"""From options to a finished model: data, card, trainer and progress bar put together."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from enet_ros import model_file
from enet_ros.card import ModelCard
from enet_ros.datasets.base import Pair, PairDataset
from enet_ros.datasets.opening import open_dataset, open_pairs
from enet_ros.errors import ConfigError
from enet_ros.figures import percent
from enet_ros.memory import keep_everything
from enet_ros.spec import ENetSpec
from enet_ros.train.balance import balance
from enet_ros.train.evaluation import calibrate, confusion
from enet_ros.train.finish import plot_log, save_model
from enet_ros.train.loop import Progress, Setting, Trainer
from enet_ros.train.recipe import RECIPES, Recipe
from enet_ros.train.stages import fit_size
from enet_ros.train.transfer import transfer

_WITH_VAL = ("camvid", "cityscapes")
"""Layouts with a split `val`; SUN RGB-D has `train` and `test` alone."""


def run(args: argparse.Namespace, size: tuple[int, int], console: Console) -> ModelCard:
    """Everything `enet_ros train` does between its options and its last line; returns the saved card."""
    if args.threads < 0:
        raise ConfigError(f"--threads is {args.threads}; use 1 or more, or 0 for all")
    if args.threads:
        torch.set_num_threads(args.threads)
    recipe = RECIPES[args.recipe].with_(
        epochs=args.epochs,
        batch=args.batch,
        learning_rate=args.learning_rate,
        class_weight_c=args.class_weight_c,
        seed=args.seed,
    )
    if args.scale:
        recipe = recipe.with_(augmentation=dataclasses.replace(recipe.augmentation, scale=tuple(args.scale)))
    if args.recipe == "paper" and args.epochs:
        recipe = recipe.with_(encoder_epochs=args.epochs)
    dataset, pairs, held_out = _data(args, size)
    table = dataset.table
    card = ModelCard(
        name=args.name or table.name,
        spec=ENetSpec(table.num_classes),
        classes=table,
        input_size=size,
        provenance=" ".join(filter(None, (args.provenance, _origin(args, recipe, len(pairs))))),
        license=args.license,
    )
    device = _device(args.device)
    fast = args.compile == "on" or (args.compile == "auto" and (device != "cpu" or _fast_cpu()))
    if fast and device == "cpu":
        keep_everything()
    console.print(
        f"{len(pairs)} frames to train on, {len(held_out)} held out; recipe {recipe.name}, "
        f"{recipe.encoder_epochs + recipe.epochs} epochs on {device}{', compiled, bfloat16' if fast else ''}"
    )
    model = args.out / "model.safetensors"
    with _bar(console) as bar:
        task = bar.add_task("starting", total=None, loss="", miou="")
        how = Setting(
            args.out,
            device,
            fast,
            report=lambda progress: _show(bar, task, progress, console),
            keep=lambda network, scores: save_model(model, network, card, scores),
        )
        source = model_file.load(model_file.resolve(args.init)) if args.init else None
        start = f"{args.init} {source.card.digest}" if source else "random weights"
        trainer = Trainer(card, recipe, pairs, held_out, how, start)
        _begin(trainer, source, console)
        network = trainer.run()
    if recipe.balance:
        balance(network, card, pairs)
    if held_out:
        card = card.with_(temperature=calibrate(network, card, held_out).temperature)
    card = save_model(model, network, card, confusion(network, card, held_out) if held_out else None)
    try:
        plot_log(args.out / "log.csv", args.out / "curves.png")
    except ImportError as error:
        console.print(f"there is no curves.png: {error}; pip install matplotlib, and run the same command again")
    return card


def _begin(trainer: Trainer, source: model_file.Model | None, console: Console) -> None:
    """Fill the network of a new run from another model, where one is named; say where the run begins."""
    if trainer.resumes:
        console.print(f"going on from {trainer.checkpoint}")
    elif source:
        card = trainer.card
        taken = transfer(trainer.network, card.classes, source)
        console.print(f"began from {source.card.name}: {taken.tensors} tensors, {len(taken.classes)} classes by name")
        if taken.fresh:
            console.print(f"  {len(taken.fresh)} tensors have no counterpart there and begin at random")
        if (order := source.card.channel_order) != card.channel_order:
            console.print(
                f"  it expects {order}, this run trains on {card.channel_order}: its first layer has to adapt"
            )


def _data(args: argparse.Namespace, size: tuple[int, int]) -> tuple[PairDataset, list[Pair], list[Pair]]:
    """The dataset, and its pairs at training size: those trained on, those held out."""
    if args.data:
        if not args.dataset:
            raise ConfigError("--data needs --dataset camvid, cityscapes or sunrgbd, to know the layout of the folder")
        train = open_dataset(args.dataset, args.data, "train")
    elif args.images and args.labels and args.classes:
        train = open_pairs(args.images, args.labels, args.classes)
    else:
        raise ConfigError("give --data with --dataset, or --images, --labels and --classes")
    has_val = bool(args.data) and args.dataset in _WITH_VAL
    if args.with_val and not has_val:
        raise ConfigError("--with-val needs --data with --dataset camvid or cityscapes: other data has no split `val`")
    val = [open_dataset(args.dataset, args.data, "val")] if has_val and (args.with_val or not args.hold_out) else []
    sources = [train, *val] if args.with_val else [train]
    known = {sample.sequence for source in sources for sample in source.samples}
    if strange := sorted(set(args.hold_out) - known):
        raise ConfigError(f"--hold-out names {strange}; this dataset has the sequences {sorted(known)}")

    def read(source: PairDataset, held_out: bool) -> Iterator[Pair]:
        return (source.read(i) for i, s in enumerate(source.samples) if (s.sequence in args.hold_out) == held_out)

    pairs = fit_size((pair for source in sources for pair in read(source, False)), size)
    if not pairs:
        raise ConfigError(f"--hold-out {args.hold_out} leaves no frame to train on")
    scored = sources if args.hold_out else [] if args.with_val else val
    held_out = fit_size((pair for source in scored for pair in read(source, bool(args.hold_out))), size)
    return train, pairs, held_out


def _device(name: str) -> str:
    """The device to train on. ConfigError where torch has none of that name."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"--device {name} cannot be used ({reason}); use auto, cpu, cuda or cuda:N") from None
    return name


def _origin(args: argparse.Namespace, recipe: Recipe, frames: int) -> str:
    held = f", sequences {' '.join(args.hold_out)} held out" if args.hold_out else ""
    start = f", begun from {Path(args.init).stem}" if args.init else ""
    encoder = f"{recipe.encoder_epochs} epochs of the encoder and " if recipe.encoder_epochs else ""
    low, high = recipe.augmentation.scale
    return (
        f"Trained with `enet_ros train`, recipe {recipe.name}, scale {low:g} to {high:g}, c {recipe.class_weight_c:g}, "
        f"{encoder}{recipe.epochs} epochs on {frames} frames{held}{start}."
    )


def _fast_cpu() -> bool:
    """Compiling pays on CPUs with bfloat16 instructions, and needs a C++ compiler."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and shutil.which("g++") is not None


def _bar(console: Console) -> Bar:
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]} mIoU {task.fields[miou]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def _show(bar: Bar, task: int, progress: Progress, console: Console) -> None:
    done = progress.epoch * progress.steps + progress.step
    score = f"{percent(progress.miou)} %" if progress.miou == progress.miou else "-"
    if progress.step == progress.steps and not console.is_terminal:  # a log file has no bar
        where = f"{progress.stage} {progress.epoch + 1}/{progress.epochs}"
        console.print(f"{where}: loss {progress.loss:.3f}, mIoU {score}")
    bar.update(
        task,  # type: ignore[arg-type]
        description=f"{progress.stage} {progress.epoch + 1}/{progress.epochs}",
        completed=done,
        total=progress.epochs * progress.steps,
        loss=f"{progress.loss:.3f}",
        miou=score,
    )
