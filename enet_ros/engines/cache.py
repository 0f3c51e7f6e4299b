"""Compiled engines on disk: derivatives of a model that are rebuilt whenever anything they depend on changes."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from enet_ros import files
from enet_ros.errors import EngineError

log = logging.getLogger(__name__)

_MAGIC = b"enet_ros engine 1\n"


class CacheKey(NamedTuple):
    """Everything a compiled engine depends on; two engines of equal keys are interchangeable.

    engine     the engine's name
    model      sha256 of the model's tensors, or of the ONNX file
    variant    what is asked of it: size, precision, outputs
    runtime    library and version
    device     what it was built for
    graph      digest of the code that writes the graph
    """

    engine: str
    model: str
    variant: str
    runtime: str
    device: str
    graph: str


@lru_cache(maxsize=1)
def graph_digest() -> str:
    """Changes whenever the code that writes the graph does."""
    sources = sorted((Path(__file__).parent / "graph").glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def cache_dir() -> Path:
    """$XDG_CACHE_HOME/enet_ros (XDG base directory specification), ~/.cache/enet_ros by default."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "enet_ros"


def entry(key: CacheKey, folder: Path | None = None) -> Path:
    """Where the engine of a key lives. Versions, devices and code share one file, so that stale ones are replaced."""
    name = re.sub(r"[^\w.-]+", "_", f"{key.engine}-{key.model[:12]}-{key.variant}")
    return (folder or cache_dir()) / f"{name}.engine"


def read(key: CacheKey, folder: Path | None = None) -> bytes | None:
    """The engine stored under a key, or None; the log says why one that is there does not serve."""
    path = entry(key, folder)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("cannot read the cached engine %s (%s); building anew", path, error.strerror)
        return None
    if problem := mismatch(data, key):
        log.info("the cached engine %s is not used: %s; building anew", path, problem)
        return None
    return _split(data)[1]


def mismatch(data: bytes, key: CacheKey) -> str:
    """Why stored bytes do not serve a key; empty where they do."""
    if not data.startswith(_MAGIC):
        return "it was not written by this release of enet_ros"
    header, payload = _split(data)
    try:
        stored = json.loads(header)
    except ValueError:
        return "its header is damaged"
    for field, wanted in key._asdict().items():
        if stored.get(field) != wanted:
            return f"it is for {field} {stored.get(field)!r}, not {wanted!r}"
    if stored.get("sha256") != hashlib.sha256(payload).hexdigest():
        return "its content is damaged"
    return ""


def write(key: CacheKey, payload: bytes, folder: Path | None = None) -> Path:
    """Store an engine in one step. Raises EngineError where the folder cannot be written."""
    path = entry(key, folder)
    header = json.dumps({**key._asdict(), "sha256": hashlib.sha256(payload).hexdigest()}, sort_keys=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return files.write(path, _MAGIC + header.encode() + b"\n" + payload)
    except OSError as error:
        raise EngineError(
            f"cannot write the engine cache {path.parent}: {error.strerror}; "
            f"make it writable, or set XDG_CACHE_HOME to a folder that is"
        ) from error


def _split(data: bytes) -> tuple[bytes, bytes]:
    header, _, payload = data[len(_MAGIC) :].partition(b"\n")
    return header, payload
