"""Exported TensorRT engines: a file with the model card, and the TensorRT and the GPU it was built for."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from enet_ros import files
from enet_ros.card import ModelCard
from enet_ros.errors import EngineError, ModelError
from enet_ros.figures import size_text
from enet_ros.model_file import CARD_KEY, ENGINE_MAGIC

SUFFIX = ".engine"
ANY_GPU = "any RTX GPU"
"""The device of engines for TensorRT for RTX, which are finished where they run."""


class EngineFile(NamedTuple):
    """An exported engine.

    card       of its model, with the engine's own input size
    runtime    name and version of the TensorRT that built it
    device     the GPU it was built on
    precision  "fp32", "fp16" or "int8"
    plan       TensorRT's own bytes
    """

    card: ModelCard
    runtime: str
    device: str
    precision: str
    plan: bytes


def write(path: Path, file: EngineFile) -> Path:
    """Write the file in one step. Raises EngineError where that cannot be done."""
    header = {
        CARD_KEY: file.card.to_json(),
        "runtime": file.runtime,
        "device": file.device,
        "precision": file.precision,
    }
    try:
        return files.write(path, files.packed(ENGINE_MAGIC, header, file.plan))
    except OSError as error:
        raise EngineError(f"cannot write {path}: {error.strerror}; choose a writable folder") from error


def read(path: Path) -> EngineFile:
    """Read the file. Raises EngineError for another program's engine and for a damaged file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror}") from error
    remedy = "make one with `enet_ros export --format tensorrt`"
    try:
        found = files.unpacked(ENGINE_MAGIC, data)
        if found is None:
            raise EngineError(f"{path} is not an engine of enet_ros (one of trtexec's?); {remedy}")
        header, plan = found
        runtime, device, precision = (str(header[name]) for name in ("runtime", "device", "precision"))
        return EngineFile(ModelCard.from_json(header[CARD_KEY]), runtime, device, precision, plan)
    except (ValueError, KeyError, TypeError, ModelError) as error:
        raise EngineError(f"{path} is damaged ({error}); {remedy}") from None


def check_fits(path: Path, file: EngineFile, runtime: str, device: str, size: tuple[int, int] | None) -> None:
    """Raises EngineError where an engine is not for this TensorRT, this GPU or this size."""
    for found, here in (
        (file.runtime, runtime),
        (file.device, ANY_GPU if file.device == ANY_GPU else device),
        (f"{size_text(file.card.input_size)} images", f"{size_text(size or file.card.input_size)} images"),
    ):
        if found != here:
            raise EngineError(
                f"{path} is for {found}, not {here}: run `enet_ros export --format tensorrt` for it here, "
                "or give the .safetensors file, which is built when it is first needed"
            )
