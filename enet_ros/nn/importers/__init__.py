"""Other projects' ENet weights as models of ours. Each format has a module with `recognises(data)` and `load(data)`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from enet_ros.classes import ClassTable
from enet_ros.errors import ConfigError, ModelError
from enet_ros.model_file import Model
from enet_ros.nn.importers import caffe, pytorch_enet, torch7

__all__ = ["FORMATS", "Format", "detect", "import_file"]

MAX_BYTES = 64 << 20
"""No weights of an ENet are near this (the largest known have 3 MB); a larger file is refused before it is read."""


class Format(NamedTuple):
    """A kind of file: a summary for people, whether bytes are such a file, and how to make a model of them."""

    summary: str
    recognises: Callable[[bytes], bool]
    load: Callable[[bytes, str, ClassTable | None], Model]


FORMATS: Mapping[str, Format] = {
    "torch7": Format("the ENet authors' Torch7 models (.net, .t7)", torch7.recognises, torch7.load),
    "caffe": Format("the Caffe port (.caffemodel)", caffe.recognises, caffe.load),
    "pytorch-enet": Format("PyTorch-ENet checkpoints", pytorch_enet.recognises, pytorch_enet.load),
    "pytorch-enet-2019": Format(
        "PyTorch-ENet checkpoints of August 2019 to March 2021, if their decoder has ReLUs",
        lambda data: False,  # its tensors are those of the format above
        functools.partial(pytorch_enet.load, before_2021=True),
    ),
}
"""The formats by name, in the order in which they are tried."""


def detect(data: bytes) -> str:
    """The name of the format of a file's content. Raises ModelError where it is not a known one."""
    for name, form in FORMATS.items():
        if form.recognises(data):
            return name
    known = "; ".join(f"{name}: {form.summary}" for name, form in FORMATS.items())
    raise ModelError(f"its first bytes are {data[:8].hex(' ')}, which none of the known formats has ({known})")


def import_file(path: Path, form: str, name: str, classes: ClassTable | None = None) -> Model:
    """Read another project's weights file.

    form     a key of FORMATS, or "auto" for what the content shows
    name     the model's name in its card
    classes  the table of the model's outputs, where it is not the usual one of the format

    Raises ModelError naming the file and what is wrong with it.
    """
    data = _bytes(path)
    try:
        return FORMATS[detect(data) if form == "auto" else form].load(data, name, classes)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    except ConfigError as error:  # the table does not fit the outputs, or no table could
        raise ModelError(f"{path}: {error}; --classes names the table of a model's outputs") from None


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ModelError(f"there is no file {path} to import")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ModelError(f"{path} has {size >> 20} MiB; weights of an ENet have at most {MAX_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from None
