from __future__ import annotations

from pathlib import Path

import pytest

from enet_ros.errors import ConfigError
from enet_ros.fleet import find_drives, is_bag, is_glob
from enet_ros.places import Place, without_secrets


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def names(*sources: str, out: Place | None = None) -> dict[str, str]:
    """Names of the bags, and their places below the first source."""
    root = sources[0].partition("*")[0].rstrip("/")
    return {d.name: d.place.url.removeprefix(root).strip("/") for d in find_drives(sources, out)}


def test_which_folders_are_bags(tmp_path: Path) -> None:
    touch(tmp_path, "a/metadata.yaml", "a/x_0.mcap", "a/x_1.mcap")  # described
    touch(tmp_path, "b/b_0.db3", "b/b_1.db3")  # by the names that rosbag2 gives
    touch(tmp_path, "c/one.mcap", "c/two.mcap", "three.mcap", "readme.txt", "d/deep/x/metadata.yaml", "d/deep/x/x.db3")
    touch(tmp_path, "e.part/0123/e_0/e_0.mcap", ".trash/f.mcap", "out/a/metadata.yaml", "out/a/a_0.mcap")
    assert names(str(tmp_path), out=Place.of(tmp_path / "out")) == {
        "a": "a",
        "b": "b",
        "c/one": "c/one.mcap",
        "c/two": "c/two.mcap",
        "d/deep/x": "d/deep/x",
        "three": "three.mcap",
    }
    assert is_bag(Place.of(tmp_path / "a")) and is_bag(Place.of(tmp_path / "three.mcap"))
    assert not is_bag(Place.of(tmp_path)) and not is_bag(Place.of(tmp_path / "c"))
    (drive,) = find_drives([str(tmp_path / "a")])
    assert (drive.name, drive.size) == (
        "a",
        sum(len(f"a/{name}") for name in ("metadata.yaml", "x_0.mcap", "x_1.mcap")),
    )


def test_globs_and_several_sources(tmp_path: Path) -> None:
    touch(tmp_path, "2024-05/a.mcap", "2024-06/a.mcap", "2024-06/b.mcap", "2025/c.mcap", "x/d.mcap")
    assert list(names(f"{tmp_path}/2024-*")) == ["2024-05/a", "2024-06/a", "2024-06/b"]
    assert list(names(f"{tmp_path}/2024-*/a.mcap", str(tmp_path / "x"))) == ["2024-05/a", "2024-06/a", "d"]
    assert list(names(str(tmp_path / "x/d.mcap"), str(tmp_path / "x"))) == ["d"]  # the same bag twice


def test_what_exists_is_no_glob(tmp_path: Path) -> None:
    touch(tmp_path, "[old]/2024-05/a.mcap", "[old]/b.mcap", "[old]/b[1].mcap", "o/2024-05/wrong.mcap")
    assert list(names(f"{tmp_path}/[old]")) == ["2024-05/a", "b", "b[1]"]
    assert list(names(f"{tmp_path}/[old]/b[1].mcap")) == ["b[1]"]
    assert list(names(f"{tmp_path}/[old]/2024-*")) == ["2024-05/a"]
    assert list(names(f"{tmp_path}/[no]/2024-*")) == ["o/2024-05/wrong"]


def test_what_cannot_be_told_apart_or_is_not_there(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.mcap", "y/a.mcap", "z/readme")
    with pytest.raises(ConfigError, match=r"x/a.mcap and .*y/a.mcap would both be called a"):
        find_drives([str(tmp_path / "x"), str(tmp_path / "y")])
    touch(tmp_path, "w/day1.mcap", "w/day1/x/deep.mcap")
    with pytest.raises(
        ConfigError, match=r"deep.mcap would be called day1/x/deep, and .*/w/day1.mcap day1: rename one"
    ):
        find_drives([str(tmp_path / "w")])
    for nothing in ("z", "none", "z/*.mcap"):
        with pytest.raises(ConfigError, match=f"{nothing.replace('*', '.')} holds no bag: name folders"):
            find_drives([str(tmp_path / nothing)])
    with pytest.raises(ConfigError, match="abc://x/y cannot be opened: .*[Pp]rotocol"):
        find_drives(["abc://x/y"])


def test_passwords_are_not_told(memory: Place) -> None:
    assert str(Place("sftp://bob:p@ss@host/x") / "a@b") == "sftp://host/x/a@b"
    assert str(Place("simplecache::ftp://bob:secret@host/x")) == "simplecache::ftp://host/x"
    assert str(memory) == "memory://fleet"
    with pytest.raises(ConfigError, match="^abc://host/x cannot be opened"):
        find_drives(["abc://bob:secret@host/x"])
    with pytest.raises(ConfigError, match="^memory://host/x holds no bag"):
        find_drives(["memory://bob:secret@host/x"])


def test_a_signature_is_not_told() -> None:
    signed = Place("https://host/x/day1.mcap?X-Amz-Credential=k%2F2024&X-Amz-Signature=5ec3e7")
    assert (str(signed), signed.name, is_glob(signed)) == ("https://host/x/day1.mcap", "day1.mcap", False)
    assert is_glob(Place("memory://none/day?/a=b/*.mcap")) and str(Place("memory://none/?/a=b")).endswith("/?/a=b")
    assert str(Place("/data/what?a=b")) == "/data/what?a=b"
    said = "403, message='Forbidden', url='https://host/x?X-Amz-Signature=5ec3e7&a=b', retried /x?sig=5ec3e7"
    assert without_secrets(said) == "403, message='Forbidden', url='https://host/x', retried /x"


def test_a_store_is_listed_as_a_folder_is(drives: Path, memory: Place) -> None:
    for file in Place.of(drives).files():
        (memory / "in" / file.path).put(drives / file.path)
    local, stored = find_drives([str(drives)]), find_drives([f"{memory}/in"])
    assert [(d.name, d.size) for d in stored] == [(d.name, d.size) for d in local]
    assert [d.name for d in find_drives([f"{memory}/in/n*/*.mcap"])] == ["night/short"]
    assert stored[0].files[0].version  # tells a file from another that takes its place
