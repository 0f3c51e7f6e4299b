"""Bombs: what is compressed is inflated within limits, whichever library does it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.errors import ReaderError
from rosbags.typesys import Stores, get_typestore

from enet_ros.bags import BagReader
from enet_ros.bags import inflate as limits
from enet_ros.bags.inflate import inflate
from enet_ros.bags.salvage import Truncated, salvage
from enet_ros.errors import BagError

PAYLOAD = b"\0" * 200_000
PACKERS = {"zstd": zstandard.compress, "lz4": lz4.frame.compress, "": bytes}


@pytest.fixture
def recorded(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A bag with one message, compressed as its parameter says."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    path = tmp_path / "bag"
    writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(CompressionMode[request.param], CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection("/text", "std_msgs/msg/String", typestore=store)
        writer.write(connection, 1, PAYLOAD)
    return path


def read(path: Path) -> list[bytes]:
    with BagReader(path) as bag:
        return [message.data for message in bag.messages()]


@pytest.mark.parametrize("compression", PACKERS)
def test_what_fits_comes_back(compression: str) -> None:
    assert inflate(PACKERS[compression](PAYLOAD), compression, len(PAYLOAD)) == PAYLOAD


@pytest.mark.parametrize("compression", PACKERS)
@pytest.mark.parametrize("said", [0, 1000, len(PAYLOAD) - 1, len(PAYLOAD) + 1])
def test_a_size_that_is_not_true_is_refused(compression: str, said: int) -> None:
    with pytest.raises(ReaderError, match=f"says that it holds {said} bytes"):
        inflate(PACKERS[compression](PAYLOAD), compression, said)


def test_a_size_above_the_limit_is_refused_unread() -> None:
    with pytest.raises(ReaderError, match=f"the limit is {limits.CHUNK_LIMIT}"):
        inflate(b"", "zstd", limits.CHUNK_LIMIT + 1)


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_bomb_takes_no_more_memory_than_it_says(compression: str) -> None:
    bomb = PACKERS[compression](bytes(1 << 28))
    tracemalloc.start()
    try:
        with pytest.raises(ReaderError, match="but it holds more"):
            inflate(bomb, compression, 1000)
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("recorded", ["STORAGE", "MESSAGE"], indirect=True)
def test_rosbags_inflates_by_our_limits(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(recorded) == [PAYLOAD]
    monkeypatch.setattr(limits, "CHUNK_LIMIT", 1000)
    with pytest.raises(BagError, match="limit"):
        read(recorded)


@pytest.mark.parametrize("recorded", ["FILE"], indirect=True)
def test_a_whole_file_is_unpacked_while_there_is_room(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(recorded) == [PAYLOAD]
    monkeypatch.setattr(limits, "DISK_RESERVE", 1 << 62)
    with pytest.raises(BagError, match="not enough room"):
        read(recorded)


@pytest.mark.parametrize("recorded", ["STORAGE"], indirect=True)
def test_a_cut_bag_is_salvaged_by_our_limits(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = recorded.glob("*.mcap")
    cut = recorded / "cut.mcap"
    cut.write_bytes(file.read_bytes()[:-1])
    assert salvaged(cut) == [PAYLOAD]
    monkeypatch.setattr(limits, "CHUNK_LIMIT", 1000)
    assert salvaged(cut) == []


def salvaged(path: Path) -> list[bytes]:
    found = []
    with pytest.raises(Truncated):
        found.extend(data for _, _, data in salvage(path))
    return found
