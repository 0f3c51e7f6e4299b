"""Exported TensorRT engines: one file that says what it is, for which TensorRT and GPU, and carries the model card."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from enet_ros import files
from enet_ros.card import ModelCard
from enet_ros.errors import EngineError, ModelError
from enet_ros.model_file import CARD_KEY, ENGINE_MAGIC

SUFFIX = ".engine"
ANY_GPU = "any RTX GPU"
"""The device of engines for TensorRT for RTX, which are finished where they run."""


class EngineFile(NamedTuple):
    """An exported engine.

    card       of its model, with the engine's own input size
    runtime    name and version of the TensorRT that built it
    device     the GPU it was built on
    precision  "fp32", "fp16", "bf16" or "int8"
    plan       TensorRT's own bytes
    """

    card: ModelCard
    runtime: str
    device: str
    precision: str
    plan: bytes


def write(path: Path, file: EngineFile) -> Path:
    """Store it in one step. Raises EngineError where that cannot be done."""
    header = {
        CARD_KEY: file.card.to_json(),
        "runtime": file.runtime,
        "device": file.device,
        "precision": file.precision,
        "sha256": hashlib.sha256(file.plan).hexdigest(),
    }
    try:
        return files.write(path, ENGINE_MAGIC + json.dumps(header).encode() + b"\n" + file.plan)
    except OSError as error:
        raise EngineError(f"cannot write {path}: {error.strerror}; choose a writable folder") from error


def read(path: Path) -> EngineFile:
    """What `write` stored. Raises EngineError on another program's engine and on a damaged file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror}") from error
    remedy = "make one with `enet_ros export --format tensorrt`"
    if not data.startswith(ENGINE_MAGIC):
        raise EngineError(f"{path} is not an engine of enet_ros (one of trtexec's?); {remedy}")
    header, _, plan = data[len(ENGINE_MAGIC) :].partition(b"\n")
    try:
        fields = json.loads(header)
        card = ModelCard.from_json(fields[CARD_KEY])
        digest, runtime, device, precision = (
            str(fields[name]) for name in ("sha256", "runtime", "device", "precision")
        )
    except (ValueError, KeyError, TypeError, ModelError) as error:
        raise EngineError(f"{path} has a damaged header ({error}); {remedy}") from None
    if hashlib.sha256(plan).hexdigest() != digest:
        raise EngineError(f"{path} is damaged; {remedy}")
    return EngineFile(card, runtime, device, precision, plan)


def check_fits(path: Path, file: EngineFile, runtime: str, device: str, size: tuple[int, int] | None) -> None:
    """Raises EngineError where an engine is not for this TensorRT, this GPU or this size."""
    found = {"runtime": file.runtime, "GPU": file.device, "size": file.card.input_size}
    here = {"runtime": runtime, "GPU": device, "size": size or file.card.input_size}
    if file.device == ANY_GPU:
        here["GPU"] = ANY_GPU
    for name, value in found.items():
        if value != here[name]:
            raise EngineError(
                f"{path} is for {name} {value}, not {here[name]}: run `enet_ros export --format tensorrt` for it here, "
                "or give the .safetensors file, which is built when it is first needed"
            )
