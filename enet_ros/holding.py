"""One process at a time writes into a folder, here or in a store.

A folder of this machine is held by a lock of the system, which ends with its process. A store has none: there the file
.lock is created on condition that it is not there, changes every few seconds while its writer lives, and is taken over
from one that has been silent for a minute.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from enet_ros.errors import BagError, PlaceError
from enet_ros.places import Place

LOCK = ".lock"
"""Name of the file in a folder that is held."""
BEAT_S = 5.0
"""From one sign of life in a store to the next."""
SILENT_S = 60.0
"""How long a writer in a store must have been silent to be taken for dead."""

Check = Callable[[], None]
"""Raises BagError where the folder is no longer held."""


@contextmanager
def held(folder: Place) -> Iterator[Check]:
    """Hold a folder, which is made. Raises BagError where another process holds it, PlaceError as `Place`.

    What is yielded is to be called now and then: a machine that slept has lost a folder of a store to the next writer.
    """
    me = f"process {os.getpid()} on {socket.gethostname()}"
    with _held_here(folder.local, me) if folder.local is not None else _held_in_store(folder, me) as check:
        yield check


@contextmanager
def _held_here(folder: Path, me: str) -> Iterator[Check]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("a+")
    except OSError as error:
        raise BagError(f"cannot create {folder}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            who = lock.read().strip()
            raise BagError(
                f"another process is writing {folder}{f' ({who})' * bool(who)}: wait for it, or give another name"
            ) from None
        except OSError as error:
            raise BagError(f"{folder} cannot be locked ({error.strerror}): name a folder on another disk") from error
        lock.truncate(0)
        lock.write(f"{me}\n")
        lock.flush()
        yield lambda: None


@contextmanager
def _held_in_store(folder: Place, me: str) -> Iterator[Check]:
    lock, own = folder / LOCK, f"{me}\n{uuid4().hex[:12]}"
    waited = False
    while not (_taken(lock, own) and (not waited or _left_alone(lock, own))):
        _await_silence(folder, lock)
        waited = True
    ended = threading.Event()
    lost: list[str] = []

    def check() -> None:
        if lost and lost[0]:
            raise BagError(
                f"another process has taken {folder} over ({_who(lost[0])}): this one was not heard of for"
                f" {SILENT_S:.0f} s, or its lock was removed"
            )
        if lost:
            raise BagError(f"{lock} was removed while this process wrote there: run the same command again")

    def beat() -> None:
        number = 0
        while not ended.wait(BEAT_S):
            with suppress(PlaceError):  # a store that is away for now
                if own not in (found := _text(lock)):
                    lost.append(found)
                    return
                number += 1
                lock.write(f"{own} {number}\n".encode())

    thread = threading.Thread(target=beat, name="hold", daemon=True)
    thread.start()
    try:
        yield check
    finally:
        ended.set()
        thread.join()
        with suppress(PlaceError):
            if own in (found := _text(lock)):
                lock.remove()
            else:
                lost.append(found)
    check()


def _taken(lock: Place, own: str) -> bool:
    """Whether the lock was not there and is ours now; read once more, as not every store creates in one step."""
    return lock.create(f"{own} 0\n".encode()) and own in _text(lock)


def _left_alone(lock: Place, own: str) -> bool:
    """Whether a lock that was taken over is still ours a beat later.

    Of several that found its last holder silent, a slower one may have removed ours in place of that holder's.
    """
    time.sleep(BEAT_S)
    return own in _text(lock)


def _await_silence(folder: Place, lock: Place) -> None:
    """Return when nobody holds the lock any more. Raises BagError as soon as its holder shows that it lives."""
    before = _text(lock)
    if before:
        say = (
            f"enet_ros: {_who(before)} has been writing {folder}: waiting {SILENT_S:.0f} s to see whether it still does"
        )
        print(say, file=sys.stderr)
    end = time.monotonic() + SILENT_S
    while time.monotonic() < end:
        time.sleep(BEAT_S / 2)
        now = _text(lock)
        if not now:
            return
        if now != before:
            raise BagError(f"another process is writing {folder} ({_who(now)}): wait for it, or give another name")
    if _text(lock) == before:
        lock.remove()


def _who(text: str) -> str:
    return text.partition("\n")[0]


def _text(lock: Place) -> str:
    return (lock.read() or b"").decode(errors="replace")
