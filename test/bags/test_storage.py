"""What enet_ros.bags.storage relies on in rosbags and rosbags does not document: fails where a release changes it."""

from __future__ import annotations

import inspect
from collections import defaultdict
from dataclasses import fields
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.enums import CompressionMode
from rosbags.rosbag2.storage_mcap import McapWriter, PendingChunk
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Writer

from enet_ros.bags import BagReader, BagWriter
from enet_ros.bags.messages import IMAGE


def test_the_table_of_storages() -> None:
    assert dict(Writer.STORAGE_PLUGINS) == {StoragePlugin.MCAP: McapWriter, StoragePlugin.SQLITE3: Sqlite3Writer}


def test_metadata_is_written_from_the_state_of_the_writer(tmp_path: Path) -> None:
    """`BagFolder.keep` sets this state to what is safely on disk."""
    writer = Writer(tmp_path / "bag", version=8, storage_plugin=StoragePlugin.MCAP)
    writer.open()
    connection = writer.add_connection("/image", IMAGE, msgdef="byte x", rihs01="RIHS01_0")
    assert (writer.min_timestamp, writer.max_timestamp, writer.counts) == (2**63 - 1, 0, {connection.id: 0})
    writer.min_timestamp, writer.max_timestamp, writer.counts = 3, 5, {connection.id: 7}
    writer.close()
    assert writer.storage is None
    information = yaml.safe_load((tmp_path / "bag/metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert information["starting_time"] == {"nanoseconds_since_epoch": 3}
    assert information["duration"] == {"nanoseconds": 2}
    assert information["message_count"] == information["topics_with_message_count"][0]["message_count"] == 7


@pytest.mark.parametrize("storage", [McapWriter, Sqlite3Writer])
def test_methods_that_are_extended(storage: type) -> None:
    expected = {
        "__init__": ["self", "path", "compression"],
        "write": ["self", "connection", "timestamp", "data"],
        "close": ["self", "version", "metadata"],
    }
    found = {name: list(inspect.signature(getattr(storage, name)).parameters) for name in expected}
    assert found == expected


def test_the_state_of_an_mcap_file(tmp_path: Path) -> None:
    (tmp_path / "bag").mkdir()
    writer = McapWriter(tmp_path / "bag", CompressionMode.NONE)
    assert writer.path == tmp_path / "bag" / "bag.mcap" and writer.bio.tell() > 0
    assert (writer.chunks, writer.channel_stats, writer.message_end_time) == ([], {}, 0)
    assert writer.message_start_time == 2**63 - 1
    assert [field.name for field in fields(PendingChunk)] == ["message_start_time", "message_end_time", "bio", "msgs"]
    assert isinstance(writer.chunk.bio, BytesIO) and isinstance(writer.chunk.msgs, defaultdict)


def test_the_state_of_a_sqlite_file(tmp_path: Path) -> None:
    (tmp_path / "bag").mkdir()
    writer = Sqlite3Writer(tmp_path / "bag", CompressionMode.NONE)
    assert writer.path == tmp_path / "bag" / "bag.db3"
    assert writer.conn.in_transaction or writer.conn.execute("SELECT count(*) FROM messages").fetchone() == (0,)
    writer.conn.close()


def test_a_chunk_is_closed_by_the_method_that_is_extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []
    close = McapWriter.close_chunk
    monkeypatch.setattr(McapWriter, "close_chunk", lambda self: (closed.append(self.chunk.bio.tell()), close(self)))
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/image", IMAGE)
        for number in range(5):
            bag.write("/image", number + 1, bytes(600_000))
    assert len(closed) == 3 and closed[0] > 2**20, "a chunk ends with the message that takes it over 1 MiB"
    with BagReader(tmp_path / "bag") as reader:
        assert [len(message.data) for message in reader.messages()] == [600_000] * 5


def test_chunks_of_mcap_are_compressed(tmp_path: Path) -> None:
    """What repeats itself takes little room, and other readers read it."""
    noise = np.random.default_rng(0).bytes(500_000)
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/image", IMAGE)
        for number in range(8):
            bag.write("/image", number + 1, bytes(500_000) if number % 2 else noise)
    (file,) = (tmp_path / "bag").glob("*.mcap")
    assert file.stat().st_size < 2_100_000
    with file.open("rb") as opened:
        reader = make_reader(opened)
        summary = reader.get_summary()
        assert summary is not None and {chunk.compression for chunk in summary.chunk_indexes} == {"zstd"}
        assert [len(message.data) for _, _, message in reader.iter_messages()] == [500_000] * 8
