"""Model files: a safetensors file whose metadata is its card; beside it the ONNX graph with the same card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from enet_ros.arrays import F32
from enet_ros.card import ModelCard
from enet_ros.errors import ModelError
from enet_ros.files import replacing, unpacked

CARD_KEY = "enet_ros.card"
"""Metadata key of the card, in safetensors and in ONNX."""
ENGINE_MAGIC = b"enet_ros tensorrt engine 1\n"
"""First line of an exported TensorRT engine (`files.packed`), whose header holds the card."""
MAX_BYTES = 256 << 20
"""No ENet is near this; a larger file is refused before it is read."""
MODELS_DIR = Path(__file__).parent / "models"
DEFAULT = "road"
"""The shipped model that is taken where none is named."""

Tensors = Mapping[str, F32]


class Model(NamedTuple):
    """A card and the float32 tensors it describes, by the state-dict names of `enet_ros.nn.ENet`."""

    card: ModelCard
    tensors: Tensors


def digest(tensors: Tensors) -> str:
    """sha256 over names, shapes and values, in the order of the names."""
    state = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name], dtype=np.float32)
        state.update(f"{name}{array.shape}".encode())
        state.update(array.tobytes())
    return state.hexdigest()


def save(path: Path | str, card: ModelCard, tensors: Tensors) -> ModelCard:
    """Write a model file in one step (a reader never sees half of it); returns the card with its digest set."""
    path = Path(path)
    arrays = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in tensors.items()}
    card = card.with_(digest=digest(arrays))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            save_file(arrays, part, metadata={CARD_KEY: card.to_json()})
            part.chmod(0o644)  # safetensors writes for the owner alone
    except OSError as error:
        raise ModelError(f"cannot write {path}: {error.strerror}; choose a writable folder") from error
    return card


def load(path: Path | str) -> Model:
    """Read a model file and check its digest. Raises ModelError naming what is wrong."""
    path = _checked(path)
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(CARD_KEY)
            for name in file.keys():  # noqa: SIM118 (not a dict)
                if (kind := file.get_slice(name).get_dtype()) not in ("F32", "F16"):
                    raise ModelError(f"{path} has {name} as {kind}; the tensors of a model are F32 or F16")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is not a readable safetensors file: {error}") from None
    card = _card(path, text)
    if (found := digest(tensors)) != card.digest:
        raise ModelError(
            f"{path} is damaged: its tensors have digest {found[:12]}, its card says {card.digest[:12]}; fetch it anew"
        )
    return Model(card, tensors)


def read_card(path: Path | str) -> ModelCard:
    """The card of a .safetensors, .onnx or .engine file, without its weights and without torch. Raises ModelError."""
    path = _checked(path)
    readers = {".engine": _engine_metadata, ".onnx": _onnx_metadata}
    return _card(path, readers.get(path.suffix, _safetensors_metadata)(path))


def _safetensors_metadata(path: Path) -> str | None:
    try:
        with safe_open(path, framework="numpy") as file:
            return (file.metadata() or {}).get(CARD_KEY)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is not a readable safetensors file: {error}") from None


def _engine_metadata(path: Path) -> str | None:
    try:
        found = unpacked(ENGINE_MAGIC, path.read_bytes())
    except ValueError as error:
        raise ModelError(f"{path} is not usable: {error}; export it anew") from None
    if found is None:
        raise ModelError(f"{path} is not an engine of enet_ros; make one with `enet_ros export --format tensorrt`")
    return found[0].get(CARD_KEY)


def _onnx_metadata(path: Path) -> str | None:
    import onnx  # heavy, and only this branch needs it
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(str(path), load_external_data=False)
    except (DecodeError, OSError) as error:
        raise ModelError(f"{path} is not a readable ONNX file: {error}") from None
    return next((entry.value for entry in model.metadata_props if entry.key == CARD_KEY), None)


def _card(path: Path, text: str | None) -> ModelCard:
    if text is None:
        raise ModelError(f"{path} carries no enet_ros model card; `enet_ros import` makes models of other weights")
    try:
        return ModelCard.from_json(text)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def _checked(path: Path | str) -> Path:
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"there is no model file {path}; `enet_ros models` lists those that are shipped")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise ModelError(f"{path} has {size >> 20} MiB; a model has at most {MAX_BYTES >> 20} MiB")
    return path


def shipped() -> dict[str, Path]:
    """Names and paths of the models that come with the package."""
    return {path.stem: path for path in sorted(MODELS_DIR.glob("*.safetensors"))}


def resolve(name_or_path: str | Path) -> Path:
    """A shipped model's name or a path to a model file, as an existing path. Raises ModelError."""
    models = shipped()
    if str(name_or_path) in models:
        return models[str(name_or_path)]
    path = Path(name_or_path).expanduser()
    if not path.is_file():
        known = ", ".join(models) or "none"
        raise ModelError(f"there is no model {str(name_or_path)!r}: give a file, or a shipped name ({known})")
    return path
