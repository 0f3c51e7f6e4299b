from __future__ import annotations

import os
from pathlib import Path

import pytest

from enet_ros.files import replacing, sync, write


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    assert write(path, "first\n") == path
    write(path, "\u00fc".encode())
    assert path.read_text("utf-8") == "\u00fc"
    assert list(tmp_path.iterdir()) == [path]


def test_until_the_block_ends_there_is_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write(path, "old")
    with replacing(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        assert part.parent == tmp_path  # a rename across file systems is no single step
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_after_an_error_there_is_the_old_content_alone(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.txt"
    write(path, "old")
    with pytest.raises(type(error)), replacing(path) as part:
        part.write_text("ne")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_on_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("sync"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("rename"), replace(a, b)))
    write(tmp_path / "a", "x")
    assert order == ["sync", "rename", "sync"]


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "missing" / "a", "x")
    sync(tmp_path / "missing")  # says nothing
