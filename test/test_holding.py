"""One writer at a time, here and in a store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from enet_ros import holding
from enet_ros.errors import BagError
from enet_ros.holding import held
from enet_ros.places import Place


@pytest.fixture
def store() -> Iterator[Place]:
    place = Place.of("memory://holding")
    yield place
    place.remove()


def test_who_holds_a_folder_is_told_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    program = (
        "import sys; from enet_ros.holding import held; from enet_ros.places import Place\n"
        "with held(Place(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        with (
            pytest.raises(BagError, match=rf"another process is writing .* \(process {other.pid} on "),
            held(Place(str(tmp_path))),
        ):
            pass
        other.kill()
    with held(Place(str(tmp_path))):
        assert (tmp_path / ".lock").read_text().startswith(f"process {os.getpid()} on ")


def test_a_store_has_one_writer_and_no_lock_afterwards(store: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "BEAT_S", 0.05)
    with held(store) as check:
        with (
            pytest.raises(
                BagError, match=rf"another process is writing memory://holding \(process {os.getpid()} on \S+\):"
            ),
            held(store),
        ):
            pass
        check()
    assert not store.files()


def test_one_that_is_silent_in_a_store_is_taken_over_and_learns_it(
    store: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (store / ".lock").write(b"process 1 on robot\n0123456789ab 7\n")
    monkeypatch.setattr(holding, "SILENT_S", 0.2)
    monkeypatch.setattr(holding, "BEAT_S", 0.05)
    with pytest.raises(BagError, match="another process has taken memory://holding over"), held(store):
        (store / ".lock").write(b"process 2 on robot\nba9876543210 0\n")  # while ours slept
    assert "process 1 on robot has been writing memory://holding: waiting" in capsys.readouterr().err
    assert (store / ".lock").read() == b"process 2 on robot\nba9876543210 0\n"


def test_of_two_that_take_a_silent_lock_over_one_writes(store: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower one removes the lock of the faster, which looks again; the living writer is told, not the dead one."""
    monkeypatch.setattr(holding, "SILENT_S", 0.05)
    lock, ticks = store / ".lock", 0
    lock.write(b"process 1 on robot\n0123456789ab 7\n")

    def meanwhile(seconds: float) -> None:
        nonlocal ticks
        ticks += 1
        if b"process 1 " not in (lock.read() or b""):  # ours, or that of the slower one
            lock.write(f"process 2 on robot\nba9876543210 {ticks}\n".encode())

    monkeypatch.setattr(holding.time, "sleep", meanwhile)
    with (
        pytest.raises(BagError, match=r"another process is writing memory://holding \(process 2 on robot\)"),
        held(store),
    ):
        raise AssertionError("both write")
    assert (lock.read() or b"").startswith(b"process 2 ")


def test_the_writer_that_is_told_is_the_one_that_lives(store: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (store / ".lock").write(b"process 1 on robot\n0123456789ab 7\n")
    theirs = b"process 2 on robot\nba9876543210 0\n"
    monkeypatch.setattr(holding.time, "sleep", lambda seconds: (store / ".lock").write(theirs))
    with pytest.raises(BagError, match=r"\(process 2 on robot\): wait for it"), held(store):
        pass


def test_a_lock_that_was_removed_by_hand_is_told_as_that(store: Place) -> None:
    with pytest.raises(BagError, match=r"holding/.lock was removed while this process wrote there"), held(store):
        (store / ".lock").remove()
