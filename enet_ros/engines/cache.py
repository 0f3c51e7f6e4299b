"""The cache of compiled engines: derivatives of a model, rebuilt whenever anything they depend on changes."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from enet_ros import files, spec

log = logging.getLogger(__name__)

_MAGIC = b"enet_ros engine 1\n"
_NO_HOME = Path(os.devnull)
_warned: set[Path] = set()


class CacheKey(NamedTuple):
    """Everything a compiled engine depends on; two engines of equal keys are interchangeable.

    engine     the engine's name
    model      digest of the model's tensors and of what its card says of the pixels, or of the ONNX file
    variant    size, precision and outputs
    runtime    library and version
    device     the device it was built for
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
    """Digest of the code that writes the graph: graph/ and the facts of the network in spec.py."""
    sources = [*sorted((Path(__file__).parent / "graph").glob("*.py")), Path(spec.__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def cache_dir() -> Path:
    """$XDG_CACHE_HOME/enet_ros (XDG base directory specification), ~/.cache/enet_ros by default."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):
        return Path(base) / "enet_ros"
    try:
        return Path.home() / ".cache" / "enet_ros"
    except RuntimeError:  # a container's user without an entry in passwd
        return _NO_HOME / "enet_ros"


def entry(key: CacheKey, folder: Path | None = None) -> Path:
    """The file of a key's engine. Versions, devices and code share one file, so that stale engines are replaced."""
    name = re.sub(r"[^\w.-]+", "_", f"{key.engine}-{key.model[:12]}-{key.variant}")
    return (folder or cache_dir()) / f"{name}.engine"


def read(key: CacheKey, folder: Path | None = None) -> bytes | None:
    """The engine stored under a key, or None; the log says why one that is there cannot be used."""
    path = entry(key, folder)
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        log.warning("cannot read the cached engine %s (%s); building anew", path, error.strerror)
        return None
    payload, problem = _payload(data, key)
    if payload is None:
        log.info("the cached engine %s is not used: %s; building anew", path, problem)
    return payload


def _payload(data: bytes, key: CacheKey) -> tuple[bytes | None, str]:
    """The engine in a file's bytes, or None and why it does not serve a key."""
    try:
        found = files.unpacked(_MAGIC, data)
    except ValueError as error:
        return None, str(error)
    if found is None:
        return None, "it was not written by this release of enet_ros"
    header, payload = found
    for field, wanted in key._asdict().items():
        if header.get(field) != wanted:
            return None, f"it is for {field} {header.get(field)!r}, not {wanted!r}"
    return payload, ""


def write(key: CacheKey, payload: bytes, folder: Path | None = None) -> Path | None:
    """Store an engine in one step; None where that fails (read-only, full): the log says so once for each folder."""
    path = entry(key, folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return files.write(path, files.packed(_MAGIC, key._asdict(), payload))
    except OSError as error:
        _warn_once(path.parent, error)
        return None


def writable(folder: Path) -> bool:
    """Whether a runtime can keep files of its own in a folder, which is made; the log says so once if not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError as error:
        _warn_once(folder, error)
        return False


def _warn_once(folder: Path, error: OSError) -> None:
    if folder not in _warned:
        _warned.add(folder)
        log.warning(
            "cannot write the engine cache %s: %s; engines are built anew at every start. Make it writable, or set "
            "XDG_CACHE_HOME to a folder that is",
            folder,
            error.strerror,
        )
