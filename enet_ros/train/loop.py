"""The training loop: stages, epochs, steps; a checkpoint after every epoch, from which a killed run goes on exactly."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from enet_ros.card import ModelCard
from enet_ros.classes import VOID
from enet_ros.errors import EnetRosError
from enet_ros.metrics import ConfusionMatrix
from enet_ros.nn import Dropout, ENet
from enet_ros.train import checkpoint as checkpoints
from enet_ros.train.batches import Batches, count_pixels, rare_classes, repeated
from enet_ros.train.evaluation import confusion
from enet_ros.train.log import Log
from enet_ros.train.losses import Objective, class_weights, lovasz_softmax
from enet_ros.train.mix import Mix
from enet_ros.train.processes import anywhere, count, gathered, rank, share
from enet_ros.train.recipe import Recipe
from enet_ros.train.stages import Average, Stage, freeze, optimizer, shrink_labels, stages

EVALUATE_EVERY = 5
GRADIENT_NORM = 5.0
"""Longer gradients are shortened to this."""
ASK_EVERY = 20
"""Steps between two at which a GPU is asked for its loss."""


class Progress(NamedTuple):
    """Where a run is: reported after every step on a CPU, on a GPU now and then."""

    stage: str
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    miou: float


@dataclass(frozen=True)
class RunConfig:
    """How to run, as opposed to what: none of it changes the result on one machine but `device` and `fast`.

    `workers` processes augment; 0 leaves it to a thread.

    `report` is told how far the run is; `keep` is given the averaged network and its scores on the held-out pairs (None
    where there are none) at every fifth epoch before the last.
    """

    out: Path
    device: str = "cpu"
    fast: bool = False
    workers: int = 0
    report: Callable[[Progress], None] = lambda progress: None
    keep: Callable[[ENet, ConfusionMatrix | None], object] = lambda network, scores: None


class Trainer:
    """One run: a card (spec, classes, size, normalisation), a recipe, and the frames trained on and held out.

    `start` names the weights it begins from; a checkpoint of another recipe, data or start is refused. Of several
    processes (`enet_ros.train.processes`) the first scores and writes.
    """

    def __init__(
        self,
        card: ModelCard,
        recipe: Recipe,
        mix: Mix,
        config: RunConfig,
        start: str = "random weights",
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.card, self.recipe, self.held_out, self.config = card, recipe, mix.held_out, config
        self.network = ENet(card.spec, Dropout(*recipe.dropout)).to(config.device)
        freeze(self.network, recipe.frozen)
        share(self.network)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        parts = repeated(mix.parts, recipe.least_frames)
        counts = count_pixels(parts)
        pixels = np.pad(counts, (0, card.spec.num_classes))[: card.spec.num_classes]
        augmentation = recipe.augmentation.with_(frame=card.input_size)
        size = recipe.crop or card.input_size
        self.batches = Batches(
            parts,
            size,
            recipe.batch,
            recipe.seed,
            augmentation,
            rare_classes(pixels),
            config.workers,
            config.device != "cpu",
        )
        self.sets = torch.from_numpy(mix.targets.sets).to(config.device)
        self.weights = class_weights(pixels, recipe.class_weight_c)
        self.weights[list(card.classes.indices(card.classes.flat - card.classes.drivable))] *= recipe.flat_weight
        self.average = Average(self.network, recipe.ema)
        shares = [(len(part.pairs), part.share) for part in parts]
        self.identity = (
            f"{recipe.to_json()} {card.spec} from {start}, {mix.targets} at {card.input_size}, "
            f"pairs and shares {shares} with {counts.tolist()} pixels a class"
        )
        config.out.mkdir(parents=True, exist_ok=True)
        self.log = Log(config.out / "log.csv")
        self.checkpoint = config.out / "checkpoint.pt"

    @property
    def resumes(self) -> bool:
        """Whether an earlier run left a checkpoint, from which `run` goes on."""
        return self.checkpoint.exists()

    def run(self) -> ENet:
        """Train to the end, from the checkpoint if there is one; returns the averaged network in evaluation mode."""
        saved = checkpoints.read(self.checkpoint, self.identity) if self.resumes else None
        plan = stages(self.network, self.recipe)
        for stage in plan:
            if saved and stage.name != saved.stage and stage is plan[0]:
                continue  # a later stage was reached
            module = stage.module.to(self.config.device)
            try:
                self._train(stage, module, saved if saved and saved.stage == stage.name else None)
            except RuntimeError as error:  # raised wherever the signal finds the loop
                if "DataLoader worker" not in (told := str(error).partition("\n")[0]):
                    raise
                raise EnetRosError(
                    f"a process that augments ended, as where memory or /dev/shm is full ({told}); "
                    "use fewer --workers, or give a container more by --shm-size: "
                    "the same command goes on from the last checkpoint"
                ) from None
            saved = None
        return self.averaged()

    def averaged(self) -> ENet:
        """A copy of the averaged network, in evaluation mode, on the run's device."""
        network = ENet(self.card.spec, Dropout(0.0, 0.0, 0.0)).to(self.config.device)
        network.load_state_dict(self.average.state)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.eval()

    def _train(self, stage: Stage, module: nn.Module, saved: checkpoints.Checkpoint | None) -> None:
        optimiser = optimizer(module, self.recipe)
        self.average = Average(self.network, self.recipe.ema)
        first = 0
        if saved:
            module.load_state_dict(saved.network)
            self.average.load(saved.average, saved.epoch * len(self.batches))
            optimiser.load_state_dict(saved.optimizer)
            torch.set_rng_state(saved.random)
            if saved.cuda_random is not None and self.config.device != "cpu":
                torch.cuda.set_rng_state(saved.cuda_random, self.config.device)
            self.log.restore(saved.log)
            first = saved.epoch
        objective: nn.Module = Objective(module, self.sets.cpu(), self.weights, self.card.mean, self.card.std).to(
            self.config.device
        )
        if count() > 1:
            unused = stage.shrink > 1  # the decoder, while the encoder is trained
            objective = DistributedDataParallel(objective, broadcast_buffers=False, find_unused_parameters=unused)
        elif self.config.fast:
            # On a GPU the step is a recorded graph: its kernels take 13 ms on an H200, to launch them one by one 42.
            mode = None if self.config.device == "cpu" else "reduce-overhead"
            objective = torch.compile(objective, mode=mode)  # type: ignore[assignment]
        for epoch in range(first, stage.epochs):
            began = time.monotonic()
            loss = self._epoch(stage, objective, optimiser, epoch)
            if rank() > 0:
                continue
            seconds = time.monotonic() - began
            self.log.add(stage.name, epoch, loss, optimiser.param_groups[0]["lr"], seconds, self._score(stage, epoch))
            checkpoints.write(self.checkpoint, self._checkpoint(stage, module, optimiser, epoch + 1))

    def _epoch(self, stage: Stage, objective: nn.Module, optimiser: torch.optim.Optimizer, epoch: int) -> float:
        objective.train()
        freeze(self.network, self.recipe.frozen)
        total, steps = torch.zeros((), device=self.config.device), len(self.batches)
        for step, (images, labels) in enumerate(self.batches.epoch(epoch)):
            for group in optimiser.param_groups:
                group["lr"] = self.recipe.rate(epoch + step / steps, stage.epochs)
            labels = shrink_labels(labels, stage.shrink)
            if not anywhere(bool((labels != VOID).any()), self.config.device):
                continue  # a mean over no pixel is no number
            loss = self._loss(objective, images, labels)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            steepness = nn.utils.clip_grad_norm_(objective.parameters(), GRADIENT_NORM)
            total += loss.detach() + 0.0 * steepness
            # A GPU runs behind: it is asked for the loss, and so waited for, now and then.
            if (self.config.device == "cpu" or step % ASK_EVERY == 0) and step + 1 < steps:
                self._told(stage, epoch, step, steps, float(total))
            optimiser.step()
            self.average.update()
        self._told(stage, epoch, steps - 1, steps, float(total))
        return float(total) / steps

    def _told(self, stage: Stage, epoch: int, step: int, steps: int, total: float) -> None:
        """Report the mean loss so far. Raises EnetRosError where it is no number, before a checkpoint can hold that."""
        if not math.isfinite(total):
            raise EnetRosError(
                f"the loss or its gradient is {total} in epoch {epoch + 1}; "
                "use a smaller --learning-rate and another --out"
            )
        self.config.report(
            Progress(stage.name, epoch, stage.epochs, step + 1, steps, total / (step + 1), self.log.miou)
        )

    def _loss(self, objective: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        images, labels = (batch.to(self.config.device, non_blocking=True) for batch in (images, labels))
        with torch.autocast(self.config.device.split(":")[0], torch.bfloat16, enabled=self.config.fast):
            entropy, weight, logits, target = objective(images, labels)
        entropy, weight = gathered(torch.stack((entropy, weight))).sum(0)
        loss = entropy / weight
        if self.recipe.lovasz:
            logits, target = gathered(logits).flatten(0, 1), gathered(target).flatten(0, 1)
            loss = loss + self.recipe.lovasz * lovasz_softmax(logits, target, self.sets)
        return torch.as_tensor(loss)

    def _score(self, stage: Stage, epoch: int) -> ConfusionMatrix | None:
        """Of the averaged network on the held-out pairs, at every fifth epoch and the last."""
        last = epoch + 1 == stage.epochs
        if stage.name != "full" or not (last or (epoch + 1) % EVALUATE_EVERY == 0):
            return None
        network = self.averaged()
        matrix = confusion(network, self.card, self.held_out) if self.held_out else None
        if not last:
            self.config.keep(network, matrix)
        return matrix

    def _checkpoint(
        self, stage: Stage, module: nn.Module, optimiser: torch.optim.Optimizer, epoch: int
    ) -> checkpoints.Checkpoint:
        return checkpoints.Checkpoint(
            recipe=self.identity,
            stage=stage.name,
            epoch=epoch,
            network=module.state_dict(),
            average=self.average.state,
            optimizer=optimiser.state_dict(),
            random=torch.get_rng_state(),
            log=self.log.text(),
            cuda_random=None if self.config.device == "cpu" else torch.cuda.get_rng_state(self.config.device),
        )
