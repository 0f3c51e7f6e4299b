"""The whole way from drives to a folder of pictures: scan each drive, choose over all, write; resumes where it was."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from enet_ros import files
from enet_ros.arrays import U8
from enet_ros.errors import BagError
from enet_ros.extraction.drives import Drive
from enet_ros.extraction.pictures import MANIFEST, Row, manifest, write_pictures
from enet_ros.extraction.scan import Scanned, ScanSettings
from enet_ros.holding import LOCK, held
from enet_ros.places import Place
from enet_ros.selection.choice import Candidate, choose

_JOB, _CHOICE, _SCANS = "job.json", "choice.json", "scan"
_SCANNING = 1
"""Version of the scan: raise it where the same drive would have other candidates or scores than before."""


Spread = Callable[[Sequence[Drive]], Iterable[tuple[Drive, Scanned]]]


class Extraction(NamedTuple):
    """What a run wrote: the rows of its manifest, how many frames it chose from, and what could not be read."""

    rows: list[Row]
    candidates: int
    problems: list[str]


def extract(
    drives: Sequence[Drive],
    out: Path,
    settings: ScanSettings,
    *,
    count: int | None = None,
    by: str = "time",
    unlike: int = 0,
    spread: Spread,
    label: Callable[[U8], U8] | None = None,
    finish: Callable[[Path, list[Row]], None] = lambda folder, rows: None,
    scan_job: Any = None,
    job: Any = None,
    overwrite: bool = False,
    started: Callable[[int], None] = lambda steps: None,
    advance: Callable[[], None] = lambda: None,
) -> Extraction:
    """Pictures and manifest of the frames chosen, as the folder `out`, which appears when it is whole.

    count, by, unlike  as in `enet_ros.selection.choose`
    spread  scans drives with these settings, in any order; of one that is broken it gives a problem and no candidate
    label   as in `write_pictures`; finish: called with the folder and the rows before it takes its name
    scan_job, job  JSON values that decide what a scan finds beside the drive and settings, and what is written of it
    Until the end the work is in OUT.part, from where the same call goes on. With other drives, another choice or `job`
    the scans that it has are kept, and the pictures are written anew. Raises BagError where `out` exists or OUT.part
    has scans of other settings or `scan_job` (unless `overwrite`), and where no frame can be chosen, of which nothing
    is left.
    """
    if out.exists() and not overwrite:
        raise BagError(f"{out} exists: give another name, remove it, or use --force")
    part = out.with_name(f"{out.name}.part")
    with held(Place.of(part)):
        _begin(part, _text([_SCANNING, vars(settings), scan_job]), overwrite)
        _choose(part, _text([[drive[:-1] for drive in drives], count, by, unlike, job]))
        started(len(drives))
        stored = {drive: part / _SCANS / f"{_key(drive)}.npz" for drive in drives}
        left = [drive for drive in drives if not stored[drive].exists()]
        for _ in range(len(drives) - len(left)):
            advance()
        for drive, found in spread(left):
            _store(stored[drive], found)
            advance()
        scans = [_scanned(stored[drive]) for drive in drives]
        candidates = [candidate for found in scans for candidate in found.candidates]
        if not candidates:
            shutil.rmtree(part)
            raise BagError(f"no frame of these drives can be chosen: {_few(scans)}")
        chosen = choose(candidates, count, by, unlike)
        rows = []
        started(len(chosen))
        for drive in drives:
            own = [candidate for candidate in chosen if candidate.drive == drive.name]
            rows += write_pictures(drive, own, part, label, advance) if own else []
        files.write(part / MANIFEST, manifest(rows))
        finish(part, rows)
        shutil.rmtree(part / _SCANS)
        for kept in (_JOB, _CHOICE, LOCK):
            (part / kept).unlink()
        files.place(part, out)
    return Extraction(rows, len(candidates), [problem for found in scans for problem in found.problems])


def _few(scans: Sequence[Scanned]) -> str:
    problems = [problem for found in scans for problem in found.problems]
    return "; ".join(problems[:3]) or "none lies far enough from another, or none has a pose"


def _text(job: list[Any]) -> str:
    """A job, to be compared."""
    return json.dumps(job, sort_keys=True, default=list)


def _key(drive: Drive) -> str:
    """A name for the scan of a drive: that of another content has another."""
    return f"{drive.name}-{hashlib.sha256(_text([drive[:-1]]).encode()).hexdigest()[:16]}"


def _begin(part: Path, job: str, overwrite: bool) -> None:
    known = (part / _JOB).read_text() if (part / _JOB).exists() else None
    left = [path for path in part.iterdir() if path.name != LOCK]
    if left and known != job:
        if not overwrite:
            raise BagError(
                f"{part} has scans of a run with other options or another model: repeat those to go on, or use --force"
            )
        for path in left:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    files.write(part / _JOB, job)


def _choose(part: Path, choice: str) -> None:
    """Leave of another choice only what was scanned."""
    known = (part / _CHOICE).read_text() if (part / _CHOICE).exists() else None
    if known == choice:
        return
    for path in part.iterdir():
        if path.name not in (_SCANS, _JOB, _CHOICE, LOCK):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    files.write(part / _CHOICE, choice)  # last, so that a run that is killed before begins here again


def _scanned(path: Path) -> Scanned:
    """What `_store` has kept."""
    with np.load(path) as stored:
        plain, features, problems = json.loads(str(stored["plain"])), stored["features"], stored["problems"].tolist()
    fields = Candidate._fields[:-1]
    read = [
        Candidate(**dict(zip(fields, row, strict=True)), feature=feature)
        for row, feature in zip(plain, features, strict=True)
    ]
    return Scanned([c if c.pose is None else c._replace(pose=tuple(c.pose)) for c in read], problems)


def _store(path: Path, found: Scanned) -> None:
    """Keep what was found in a drive, for a run that goes on."""
    path.parent.mkdir(exist_ok=True)
    with files.replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            plain=json.dumps([candidate[:-1] for candidate in found.candidates]),
            features=np.array([candidate.feature for candidate in found.candidates], np.float32),
            problems=np.array(found.problems, str),
        )
