from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from mcap.exceptions import EndOfFile
from rosbags.rosbag2 import StoragePlugin, Writer

from enet_ros.bags import BagReader
from enet_ros.bags.messages import typestore
from enet_ros.bags.salvage import _Exact
from enet_ros.errors import BagError

MakeBag = Callable[..., Path]


@pytest.mark.parametrize(("storage", "ending"), [("mcap", ".mcap"), ("sqlite3", ".db3")])
def test_folder_and_file_are_the_same_bag(make_bag: MakeBag, storage: str, ending: str) -> None:
    bag = make_bag(storage=storage)
    with BagReader(bag) as folder, BagReader(bag / f"bag{ending}") as file:
        assert [(t.name, t.type, t.total) for t in folder.topics] == [
            ("/camera/camera_info", "sensor_msgs/msg/CameraInfo", 5),
            ("/camera/ground_truth", "sensor_msgs/msg/Image", 5),
            ("/camera/image_raw", "sensor_msgs/msg/Image", 5),
        ]
        assert [t[:3] for t in folder.topics] == [t[:3] for t in file.topics]
        assert list(folder.messages()) == list(file.messages())
        assert (folder.start_ns, folder.end_ns) == (100_000_000, 500_000_000)
        assert folder.message_count == 15


@pytest.mark.parametrize(("storage", "ending"), [("mcap", ".mcap"), ("sqlite3", ".db3")])
def test_a_truncated_file_is_read_as_far_as_it_goes(make_bag: MakeBag, storage: str, ending: str) -> None:
    bag = make_bag(storage=storage, frames=8, size=360)  # 5 MB: several chunks
    file = bag / f"bag{ending}"
    with BagReader(bag) as reader:
        whole = [(m.topic, m.number, m.data) for m in reader.messages()]
        topics = {t.name: (t.type, t.connection.msgdef, t.connection.ext) for t in reader.topics}
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 6 // 10])
    read = []
    with BagReader(bag) as reader:
        assert reader.damage == f"bag{ending} ended early"
        if storage == "mcap":  # SQLite's definitions are not salvaged
            assert {t.name: (t.type, t.connection.msgdef, t.connection.ext) for t in reader.topics} == topics
        with pytest.raises(BagError, match=r"is damaged at message \d+, after number \d of /camera/\w+ ") as raised:
            for message in reader.messages():
                read.append((message.topic, message.number, message.data))
    assert 8 <= len(read) < len(whole)
    assert read == whole[: len(read)]
    assert f"at message {len(read)}," in str(raised.value)


@pytest.mark.parametrize("keep", [0, 4, 40])
@pytest.mark.parametrize(("storage", "ending"), [("mcap", ".mcap"), ("sqlite3", ".db3")])
def test_next_to_nothing_left(make_bag: MakeBag, storage: str, ending: str, keep: int) -> None:
    file = make_bag(storage=storage) / f"bag{ending}"
    file.write_bytes(file.read_bytes()[:keep])
    with BagReader(file) as reader:
        assert reader.topics == ()
        assert list(reader.messages()) == []
        assert reader.damage is not None


def test_a_recorder_killed_before_metadata_was_written(make_bag: MakeBag) -> None:
    bag = make_bag()
    (bag / "metadata.yaml").unlink()
    with BagReader(bag) as reader:
        assert reader.damage == "metadata.yaml is missing"
        assert len(list(reader.messages())) == 15


def test_bytes_that_turned_are_an_error_with_the_place(make_bag: MakeBag) -> None:
    compressed = make_bag("compressed", frames=40)
    damage(compressed / "compressed.mcap", b"\x28\xb5\x2f\xfd", 0)  # the beginning of a zstd frame
    plain = make_bag().parent / "plain"
    with BagReader(plain.parent / "bag") as reader, Writer(plain, version=8, storage_plugin=StoragePlugin.MCAP) as bag:
        topic = reader.topic("/camera/image_raw")
        connection = bag.add_connection(topic.name, topic.type, typestore=typestore())
        for message in reader.messages([topic.name]):
            bag.write(connection, message.log_ns, message.data)
    # An MCAP message record: opcode (1), length (8), channel (2), sequence (4), two times (16); then the CDR's
    # encapsulation (4), stamp (8) and string length (4).
    damage(plain / "plain.mcap", b"camera_optical_frame", -16 - 22 - 8)


def damage(file: Path, before: bytes, offset: int) -> None:
    """Turn four bytes, and see that reading says so."""
    data = bytearray(file.read_bytes())
    place = data.index(before) + offset
    data[place : place + 4] = b"\xff" * 4
    file.write_bytes(data)
    with BagReader(file) as reader, pytest.raises(BagError, match="is damaged at message"):
        list(reader.messages())


def test_what_is_no_bag(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="there is no bag .*missing: give a folder with metadata"):
        BagReader(tmp_path / "missing")
    with pytest.raises(BagError, match="holds neither metadata.yaml"):
        BagReader(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(BagError, match=r"notes.txt is not a bag: give a folder"):
        BagReader(tmp_path / "notes.txt")
    (tmp_path / "metadata.yaml").write_text("rosbag2_bagfile_information: {version: 99}")
    with pytest.raises(BagError, match="cannot be opened.*99"):
        BagReader(tmp_path)


def test_an_unknown_topic_lists_what_there_is(make_bag: MakeBag) -> None:
    with (
        BagReader(make_bag()) as reader,
        pytest.raises(BagError, match=r"no topic '/x'; its topics: /camera/camera_info"),
    ):
        reader.topic("/x")


@pytest.mark.parametrize(
    ("entry", "value"),
    [("custom_data", ["x"]), ("topics_with_message_count", "many"), ("duration", {"nanoseconds": "x"})],
)
def test_metadata_of_another_shape_is_not_a_bag(make_bag: MakeBag, entry: str, value: object) -> None:
    bag = make_bag()
    metadata = bag / "metadata.yaml"
    document = yaml.safe_load(metadata.read_text())
    document["rosbag2_bagfile_information"][entry] = value
    metadata.write_text(yaml.safe_dump(document))
    with pytest.raises(BagError, match="cannot be opened"):
        BagReader(bag)


@pytest.mark.parametrize("text", [b"\xf3\x28", b"\x00\xff"])
def test_a_broken_sqlite_bag_whose_texts_turned(make_bag: MakeBag, text: bytes) -> None:
    bag = make_bag(storage="sqlite3")
    (file,) = bag.glob("*.db3")
    data = file.read_bytes().replace(b"/camera/camera_info", text + b"/camera/camera_info"[len(text) :])
    cut = bag.parent / "cut.db3"
    cut.write_bytes(data[:-1])
    with BagReader(cut) as reader:
        assert reader.damage == "cut.db3 ended early" and reader.topics == ()


@pytest.mark.parametrize("length", [3, 2**40, 2**62])
def test_a_length_beyond_the_file_is_not_allocated(tmp_path: Path, length: int) -> None:
    path = tmp_path / "two"
    path.write_bytes(b"ab")
    with path.open("rb") as file, pytest.raises(EndOfFile):
        _Exact(file).read(length)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_slices_of_time_are_the_whole(make_bag: MakeBag, storage: str) -> None:
    with BagReader(make_bag(frames=5, storage=storage)) as reader:
        assert reader.indexed
        cuts = [None, reader.start_ns + 1, reader.end_ns, None]
        whole = [(m.topic, m.log_ns, m.data) for m in reader.messages()]
        slices = [[*reader.messages(None, *cuts[i : i + 2])] for i in range(3)]
    assert [(m.topic, m.log_ns, m.data) for part in slices for m in part] == whole
    assert [len(part) for part in slices] == [3, 9, 3]
    assert slices[1][0].number == 0
