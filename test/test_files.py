from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from enet_ros.files import packed, place, replacing, sync, unpacked, write


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


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    """Also where an earlier run was killed in the midst of that; a folder of the user's beside it stays."""
    for name in ("new", "bag", "bag.part.old", "bag.old"):
        (tmp_path / name / "sub").mkdir(parents=True)
        write(tmp_path / name / "sub" / "a.txt", name)
    place(tmp_path / "new", tmp_path / "bag")
    assert {path.parent.parent.name: path.read_text() for path in tmp_path.glob("*/sub/a.txt")} == {
        "bag": "new",
        "bag.old": "bag.old",
    }


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


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "a.txt", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write(link, "new")
    assert link.is_symlink() and target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_what_is_not_a_file_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(pipe.read_text)
        write(pipe, "text")
        assert reading.result(timeout=30) == "text"
    assert pipe.is_fifo()


def test_standard_output_is_not_replaced(tmp_path: Path) -> None:
    code = "from pathlib import Path; from enet_ros.files import write; write(Path('/dev/stdout'), 'text')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "text" and Path("/dev/stdout").is_symlink()


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "missing" / "a", "x")
    sync(tmp_path / "missing")  # says nothing


def test_a_container_gives_back_header_and_payload() -> None:
    data = packed(b"ours 1\n", {"runtime": "x", "size": [1, 2]}, b"\n\0payload")
    assert data.startswith(b"ours 1\n{")
    assert unpacked(b"ours 1\n", data) == ({"runtime": "x", "size": [1, 2]}, b"\n\0payload")
    assert unpacked(b"ours 2\n", data) is None and unpacked(b"ours 1\n", b"") is None


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda d: d[:-1], "its content is damaged"),
        (lambda d: d + b"!", "its content is damaged"),
        (lambda d: d.replace(b"sha256", b"sha257"), "its content is damaged"),
        (lambda d: d[:20], "its header is damaged"),
        (lambda d: b"ours 1\n[]\n", "its content is damaged"),
    ],
)
def test_a_damaged_container_is_refused(damage, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        unpacked(b"ours 1\n", damage(packed(b"ours 1\n", {"runtime": "x"}, b"payload")))
