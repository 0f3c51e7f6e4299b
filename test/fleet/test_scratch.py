from __future__ import annotations

import threading
from pathlib import Path

import pytest

from enet_ros.errors import WorkerError
from enet_ros.fleet import Drive, find_drives
from enet_ros.fleet.scratch import Scratch
from enet_ros.places import Place


def stored(memory: Place, name: str, content: bytes) -> Drive:
    (memory / name).write(content)
    return find_drives([f"{memory}/{name}"])[0]


def test_copies_stay_within_the_limit_and_whoever_reads_keeps_its_own(memory: Place, tmp_path: Path) -> None:
    a, b, c = (stored(memory, f"{name}.mcap", name.encode() * 40) for name in "abc")
    scratch, other = Scratch(tmp_path, most=100), Scratch(tmp_path, most=100)
    with scratch.bag(a) as path:
        assert path.name == "a.mcap" and path.read_bytes() == b"a" * 40
        with other.bag(b) as second:
            assert second.exists()
        with other.bag(c):  # no room for three: b goes, since a is being read
            assert path.exists() and not second.exists()
        with (
            other.bag(b),
            pytest.raises(WorkerError, match="being read leave no room .* give --scratch-gb more"),
            Scratch(tmp_path, most=100).bag(c),
        ):
            pass
    (memory / "a.mcap").remove()
    with other.bag(a) as again:  # still here
        assert again == path


def test_another_content_of_the_same_name_is_fetched_anew(memory: Place, tmp_path: Path) -> None:
    scratch = Scratch(tmp_path, most=100)
    for content in (b"old", b"new"):
        with scratch.bag(stored(memory, "a.mcap", content)) as path:
            assert path.read_bytes() == content


def test_a_bag_that_cannot_fit_is_refused_before_it_is_fetched(memory: Place, tmp_path: Path) -> None:
    scratch, drive = Scratch(tmp_path, most=10), stored(memory, "a.mcap", bytes(11))
    with pytest.raises(WorkerError, match="does not fit .* 0.0 GB: give --scratch-gb more"), scratch.bag(drive):
        pass
    assert not list((tmp_path / "bags").glob("*.mcap"))


def test_what_ended_processes_left_is_removed(tmp_path: Path) -> None:
    ended, living = Scratch(tmp_path), Scratch(tmp_path)
    for scratch in (ended, living):
        (scratch.own / "half.mcap").write_bytes(b"half")
    ended._lock.close()  # as the end of a process does
    Scratch(tmp_path)
    assert living.own.exists() and not ended.own.exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkerError, match="file/x cannot be written .* name a folder by --scratch"):
        Scratch(tmp_path / "file/x")


def test_two_read_a_bag_at_once(memory: Place, tmp_path: Path) -> None:
    drive, reading = stored(memory, "a.mcap", b"a"), threading.Event()

    def read() -> None:
        with Scratch(tmp_path).bag(drive):
            reading.set()

    with Scratch(tmp_path).bag(drive):
        threading.Thread(target=read, daemon=True).start()
        assert reading.wait(20)
