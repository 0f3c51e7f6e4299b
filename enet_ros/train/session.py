"""From what is wanted to a finished model: data, card, trainer and progress bar put together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from enet_ros import model_file
from enet_ros.arrays import U8
from enet_ros.card import ModelCard
from enet_ros.classes import ClassTable
from enet_ros.errors import ConfigError
from enet_ros.figures import percent
from enet_ros.memory import keep_everything
from enet_ros.metrics import ConfusionMatrix
from enet_ros.nn import ENet, tensors_of
from enet_ros.spec import ENetSpec
from enet_ros.train import mix as mixes
from enet_ros.train.batches import AHEAD
from enet_ros.train.evaluation import balance, calibrate, confusion, handicap
from enet_ros.train.loop import Progress, RunConfig, Trainer
from enet_ros.train.mix import DataConfig
from enet_ros.train.processes import joined, rank
from enet_ros.train.recipe import Recipe
from enet_ros.train.transfer import keep_initial, transfer

COMPILED_FRAMES = 3000
"""A run of fewer frames, counted as often as they are taken, is over on a CPU before compiling would have paid."""
MOST_WORKERS = 256
GPU_WORKERS = 16
"""Processes that augment for a GPU at most, where cores and /dev/shm, in which their batches wait, suffice."""


@dataclass(frozen=True)
class SessionConfig:
    """What a run is to learn, from what, and where.

    size        (height, width) the model is trained for and scored at, multiples of 8
    out         folder of checkpoint, log and model
    table       the model's classes; None for those of its data
    init        a model to begin from: a shipped name or a file
    name        of the model in its card; "" for that of its classes
    device      "auto", or torch's name of one
    threads     of the CPU; 0 for as many as there are
    compile     "on", "off", or "auto" where it pays
    workers     processes that augment; 0 for a thread, None for what the device needs
    """

    recipe: Recipe
    data: DataConfig
    size: tuple[int, int]
    out: Path
    table: ClassTable | None = None
    init: str | None = None
    name: str = ""
    license: str = ""
    provenance: str = ""
    device: str = "auto"
    threads: int = 0
    compile: str = "auto"
    workers: int | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError on values that cannot be kept."""
        if self.threads < 0:
            raise ConfigError(f"--threads is {self.threads}; use 1 or more, or 0 for all")
        if not 0 <= (self.workers or 0) <= MOST_WORKERS:
            raise ConfigError(f"--workers is {self.workers}; use 0 to {MOST_WORKERS}")
        for name, size in (("size", self.size), ("crop", self.recipe.crop or self.size)):
            if size[0] % 8 or size[1] % 8:
                raise ConfigError(f"--{name} {size[1]}x{size[0]}: use multiples of 8, such as 480x360")


Measure = Callable[[Path, Sequence[U8]], ModelCard]
"""Measures a model file on images, (H, W, 3) uint8 RGB each, and writes what it finds to the file's card."""


def run(config: SessionConfig, console: Console, measure: Measure | None = None) -> ModelCard:
    """Train to the end and write the model; returns its card. The first of several processes speaks and writes.

    measure: called at the end with the model and the held-out images, where there are any.
    """
    device = _device(config.device)
    with joined(device):
        console.quiet |= rank() > 0
        return _run(config, device, console, measure)


def _run(config: SessionConfig, device: str, console: Console, measure: Measure | None) -> ModelCard:
    if config.threads:
        torch.set_num_threads(config.threads)
    recipe = config.recipe
    if recipe.frozen and not config.init:
        raise ConfigError(f"recipe {recipe.name} keeps a part of another model as it is: name that one by --init")
    if recipe.keep_init and not config.init:
        raise ConfigError(f"--keep-init {recipe.keep_init:g} needs --init, the model to keep a share of")
    source = model_file.load(model_file.resolve(config.init)) if config.init else None
    mix = mixes.load(config.data, config.size, config.table, source.card.classes if source else None)
    table = mix.targets.table
    card = ModelCard(
        name=config.name or table.name,
        spec=ENetSpec(table.num_classes),
        classes=table,
        input_size=config.size,
        provenance=" ".join(filter(None, (config.provenance, _origin(config, mix.description)))),
        license=config.license,
    )
    drawn = recipe.epochs * max(recipe.least_frames, sum(part.draws for part in mix.parts))
    pays = device != "cpu" or (drawn >= COMPILED_FRAMES and _fast_cpu())
    fast = config.compile == "on" or (config.compile == "auto" and pays)
    if fast and device == "cpu":
        keep_everything()
    frames = sum(len(part.pairs) for part in mix.parts)
    console.print(
        f"{frames} frames to train on, {len(mix.held_out)} held out; recipe {recipe.name}, "
        f"{recipe.encoder_epochs + recipe.epochs} epochs on {device}{', compiled, bfloat16' if fast else ''}"
    )
    if recipe.frozen and not mix.exact:
        console.print(
            "these labels are coarser than the model's classes, and what they do not tell apart is forgotten: "
            "mix in frames that the model learned from, such as --data camvid=DIR:0.1"
        )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=None)
        how = RunConfig(
            config.out,
            device,
            fast,
            _workers(config, device),
            report=lambda progress: _show(bar, task, progress),
            keep=lambda network, scores: _save(config.out, network, card, scores),
        )
        start = f"{config.init} {source.card.digest}" if source else "random weights"
        trainer = Trainer(card, recipe, mix, how, start)
        _begin(trainer, source, console)
        network = trainer.run()
    if rank() > 0:
        return card
    if recipe.keep_init and source:
        keep_initial(network, table, source, recipe.keep_init)
    if recipe.balance and mix.exact:
        balance(network, card, mix.exact)
    handicap(network, card, recipe.handicap)
    if mix.held_out:
        card = card.with_(temperature=calibrate(network, card, mix.held_out))
    card = _save(config.out, network, card, confusion(network, card, mix.held_out) if mix.held_out else None)
    if measure is not None and mix.held_out:
        card = measure(config.out / "model.safetensors", [image for image, _ in mix.held_out])
    try:
        trainer.log.plot(config.out / "curves.png")
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


def _device(name: str) -> str:
    """The device to train on. ConfigError where torch has none of that name."""
    if name == "auto":
        own = f":{os.environ['LOCAL_RANK']}" if "LOCAL_RANK" in os.environ else ""  # as torchrun tells
        return f"cuda{own}" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"--device {name} cannot be used ({reason}); use auto, cpu, cuda or cuda:N") from None
    return name


def _workers(config: SessionConfig, device: str) -> int:
    """Processes that augment: beside a GPU one for each core but the one that trains, on a CPU none."""
    if config.workers is not None or device == "cpu":
        return config.workers or 0
    cores = len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    height, width = config.recipe.crop or config.size
    batches = shutil.disk_usage("/dev/shm").free // (4 * height * width * config.recipe.batch)
    return max(1, min(GPU_WORKERS, cores - 1, batches // (2 * AHEAD)))


def _origin(config: SessionConfig, frames: str) -> str:
    recipe = config.recipe
    held = f", sequences {' '.join(config.data.hold_out)} held out" if config.data.hold_out else ""
    kept = f" ({100 * recipe.keep_init:.0f} % of its weights kept)" if recipe.keep_init else ""
    start = f", begun from {Path(config.init).stem}{kept}" if config.init else ""
    encoder = f"{recipe.encoder_epochs} epochs of the encoder and " if recipe.encoder_epochs else ""
    low, high = recipe.augmentation.scale
    return (
        f"Trained with `enet_ros train`, recipe {recipe.name}, scale {low:g} to {high:g}, c {recipe.class_weight_c:g}, "
        f"{encoder}{recipe.epochs} epochs on frames: {frames}{held}{start}."
    )


def _fast_cpu() -> bool:
    """Compiling pays on CPUs with bfloat16 instructions, and needs a C++ compiler."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and shutil.which("g++") is not None


def _show(bar: Bar, task: TaskID, progress: Progress) -> None:
    """Move the bar; where there is none, as in a log file, print a line for each epoch."""
    score = f"{percent(progress.miou)} %" if progress.miou == progress.miou else "-"
    text = f"{progress.stage} {progress.epoch + 1}/{progress.epochs}: loss {progress.loss:.3f}, mIoU {score}"
    done, total = progress.epoch * progress.steps + progress.step, progress.epochs * progress.steps
    bar.update(task, description=text, completed=done, total=total)
    if progress.step == progress.steps and bar.disable:
        bar.console.print(text)


def _save(out: Path, network: ENet, card: ModelCard, scores: ConfusionMatrix | None) -> ModelCard:
    """Write the model with its scores on the held-out frames, where there are any; returns its card."""
    if scores:
        metrics = {"held_out_miou": scores.miou(), "held_out_pixel_accuracy": scores.pixel_accuracy()}
        card = card.with_(metrics=tuple((name, round(value, 4)) for name, value in metrics.items()))
    return model_file.save(out / "model.safetensors", card, tensors_of(network))
