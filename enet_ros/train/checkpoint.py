"""Checkpoints: the whole state of a run in one file, replaced in one step, read without unpickling code."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from enet_ros.errors import ConfigError, ModelError
from enet_ros.files import replacing


class Checkpoint(NamedTuple):
    """State after `epoch` finished epochs of stage `stage` ("encoder" or "full").

    `cuda_random` is the generator's state of the CUDA device that trains, None on a CPU.
    """

    recipe: str
    stage: str
    epoch: int
    network: dict[str, Tensor]
    average: dict[str, Tensor]
    optimizer: dict[str, Any]
    random: Tensor
    log: str
    cuda_random: Tensor | None = None


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the file at `path`; a kill leaves the old one or the new one. Raises ModelError where it cannot."""
    try:
        with replacing(path) as part:
            torch.save(checkpoint._asdict(), part)
    except (OSError, RuntimeError) as error:  # torch tells a full disk by a RuntimeError
        raise ModelError(
            f"cannot write {path} ({error}); make room, then the same command goes on from the last checkpoint"
        ) from None


def read(path: Path, recipe: str) -> Checkpoint:
    """The checkpoint at `path`. Raises ModelError on damage, ConfigError where it belongs to another recipe."""
    try:
        found = Checkpoint(**torch.load(path, weights_only=True, map_location="cpu"))
    except (OSError, RuntimeError, TypeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise ModelError(f"{path} is not a readable checkpoint ({error}); remove it to begin anew") from None
    if found.recipe != recipe:
        raise ConfigError(
            f"{path} was made with another recipe or data; repeat its options or choose another --out\n"
            f"  it has {found.recipe}\n  this run {recipe}"
        )
    return found
