"""Files and folders replaced in one step, files installed beside the package, and the container of compiled engines.

After a crash or a power cut a replaced file has its old content or the new, never half of it; of a replaced folder the
old one or the new is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_native_id
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what was written there takes the place of `path` when the block ends.

    After an exception (OSError where the disk is full, say) the temporary file is removed and `path` is as it was.
    Threads and processes may do this at once; the last one wins. A symbolic link stays, and its file is replaced.
    """
    path = path.resolve()
    part = path.with_name(f"{path.name}.{get_native_id()}.part")
    try:
        yield part
        sync(part)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write(path: Path, content: bytes | str) -> Path:
    """Write a whole file, text as UTF-8, in one step; write to a pipe or terminal directly. Raises OSError."""
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return path
    with replacing(path) as part:
        part.write_bytes(data)
    return path


def sync(path: Path) -> None:
    """Force a file or folder to disk, where the file system can: a robot may lose power the next moment."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def place(folder: Path, target: Path) -> None:
    """Move a finished folder to its name, in place of the file or folder that is there. Raises OSError.

    The old one is TARGET.part.old until the new one has the name; a run that was killed in between may leave it.
    """
    old = target.with_name(f"{target.name}.part.old")
    if target.exists():
        _remove(old)
        target.rename(old)
    folder.rename(target)
    sync(target.parent)
    _remove(old)


def _remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def installed(folder: str, name: str) -> Path | None:
    """The path of `FOLDER/NAME` in the sources, or under share/enet_ros where installed; None where it is missing."""
    for parent in Path(__file__).resolve().parents:
        for place in (parent, parent / "share" / "enet_ros"):
            if (place / folder / name).is_file():
                return place / folder / name
    return None


def packed(magic: bytes, header: Mapping[str, Any], payload: bytes) -> bytes:
    """A container: the line `magic`, a line of JSON (the header and the payload's sha256), the payload."""
    fields = {**header, "sha256": hashlib.sha256(payload).hexdigest()}
    return magic + json.dumps(fields, sort_keys=True).encode() + b"\n" + payload


def unpacked(magic: bytes, data: bytes) -> tuple[dict[str, Any], bytes] | None:
    """Header and payload of a container; None where `data` does not begin with `magic`.

    Raises ValueError where the header cannot be read or the payload is not the one that was packed.
    """
    if not data.startswith(magic):
        return None
    line, _, payload = data[len(magic) :].partition(b"\n")
    try:
        header = json.loads(line)
    except ValueError:
        raise ValueError("its header is damaged") from None
    if not isinstance(header, dict) or header.pop("sha256", None) != hashlib.sha256(payload).hexdigest():
        raise ValueError("its content is damaged")
    return header, payload
