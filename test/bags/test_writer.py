from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from mcap.summary import Summary

from enet_ros.bags import BagReader, BagWriter
from enet_ros.bags.messages import IMAGE, image_cdr
from enet_ros.errors import BagError, ImageError
from enet_ros.messages import Header

CDR = image_cdr(Header(1, "cam"), np.full((8, 10, 3), 7, np.uint8), "rgb8")


def write(bag: BagWriter, messages: int) -> None:
    bag.add_topic("/image", IMAGE)
    for number in range(messages):
        bag.write("/image", number, CDR)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_what_is_written_is_read(tmp_path: Path, storage: str) -> None:
    with BagWriter(tmp_path / "bag", storage=storage) as bag:
        write(bag, 3)
        bag.set_custom_data("who", "me")
        assert not (tmp_path / "bag").exists()  # only when it is whole
    assert not (tmp_path / "bag.part").exists()
    with BagReader(tmp_path / "bag") as reader:
        assert [(m.number, m.topic, m.log_ns, m.data) for m in reader.messages()] == [
            (n, "/image", n, bytes(CDR)) for n in range(3)
        ]
        assert reader.custom_data == {"who": "me"}


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_metadata_has_what_rosbag2_reads(tmp_path: Path, storage: str) -> None:
    """The fields and types of rosbag2_storage/yaml.hpp for version 8."""
    with BagWriter(tmp_path / "bag", storage=storage) as bag:
        bag.add_topic("/image", IMAGE)
        for log_ns in (1_700_000_000_000_000_005, 1_700_000_002_000_000_000):
            bag.write("/image", log_ns, CDR)
    info = yaml.safe_load((tmp_path / "bag/metadata.yaml").read_text())["rosbag2_bagfile_information"]
    file = "bag.mcap" if storage == "mcap" else "bag.db3"
    assert info["version"] == 8
    assert info["storage_identifier"] == storage
    assert info["relative_file_paths"] == [file]
    assert info["duration"] == {"nanoseconds": 1_999_999_995}
    assert info["starting_time"] == {"nanoseconds_since_epoch": 1_700_000_000_000_000_005}
    assert info["message_count"] == 2
    assert info["compression_format"] == info["compression_mode"] == ""
    assert info["files"] == [
        {
            "path": file,
            "starting_time": {"nanoseconds_since_epoch": 1_700_000_000_000_000_005},
            "duration": {"nanoseconds": 1_999_999_995},
            "message_count": 2,
        }
    ]
    assert info["topics_with_message_count"] == [
        {
            "topic_metadata": {
                "name": "/image",
                "type": "sensor_msgs/msg/Image",
                "serialization_format": "cdr",
                "offered_qos_profiles": "",
                # sensor_msgs/msg/Image.json of ROS 2, type_hashes
                "type_description_hash": "RIHS01_d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47",
            },
            "message_count": 2,
        }
    ]
    assert {"custom_data", "ros_distro"} <= info.keys()


def test_the_mcap_library_reads_the_file(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        write(bag, 3)
    with (tmp_path / "bag/bag.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        messages = list(reader.iter_messages())
        summary = reader.get_summary()
        metadata = {m.name: m.metadata for m in reader.iter_metadata()}
    assert [bytes(m.data) for _, _, m in messages] == [bytes(CDR)] * 3
    schema, channel, _ = messages[0]
    assert schema is not None
    assert (schema.name, schema.encoding, channel.message_encoding) == ("sensor_msgs/msg/Image", "ros2msg", "cdr")
    assert b"MSG: std_msgs/Header" in schema.data
    assert summary is not None and summary.statistics is not None
    assert summary.statistics.message_count == 3
    assert "serialized_metadata" in metadata["rosbag2"]


def test_an_existing_bag_is_not_touched_unless_told(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        write(bag, 2)
    with pytest.raises(BagError, match=r"bag exists: give another name.*--force"):
        BagWriter(tmp_path / "bag")
    with pytest.raises(BagError, match="no image; nothing was written"), BagWriter(tmp_path / "bag", overwrite=True):
        raise ImageError("no image")
    with BagReader(tmp_path / "bag") as reader:
        assert len(list(reader.messages())) == 2
    with BagWriter(tmp_path / "bag", overwrite=True) as bag:
        write(bag, 5)
    with BagReader(tmp_path / "bag") as reader:
        assert len(list(reader.messages())) == 5


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_after_a_failure_the_messages_so_far_are_a_bag(tmp_path: Path, storage: str) -> None:
    with (
        pytest.raises(BagError, match=r"frame 3 is broken; the first 3 messages are a bag in .*bag\.part/bag"),
        BagWriter(tmp_path / "bag", storage=storage) as bag,
    ):
        write(bag, 3)
        raise ImageError("frame 3 is broken")
    assert not (tmp_path / "bag").exists()
    with BagReader(tmp_path / "bag.part/bag") as reader:
        assert reader.damage is None
        assert len(list(reader.messages())) == reader.message_count == 3
        assert (reader.start_ns, reader.end_ns) == (0, 2)


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from enet_ros.bags import BagWriter
from enet_ros.bags.messages import image_cdr
from enet_ros.messages import Header
from enet_ros.bags.messages import IMAGE
from enet_ros.errors import BagError

rng = np.random.default_rng(0)
limit = int(sys.argv[3])  # bytes a file may have: the write that passes it fails as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with BagWriter(Path(sys.argv[1]), storage=sys.argv[2]) as bag:
        bag.add_topic("/image", IMAGE)
        for number in range(100):
            noise = rng.integers(0, 256, (360, 480, 3), np.uint8)
            bag.write("/image", number, image_cdr(Header(1, "cam"), noise, "rgb8"))
except BagError as error:
    print(error)
"""


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_full_disk_keeps_what_was_written(tmp_path: Path, storage: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "bag"), storage, "9000000"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "could not be written to" in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "bag").exists()
    with BagReader(tmp_path / "bag.part/bag") as reader:
        assert reader.damage is None
        kept = list(reader.messages())
        assert reader.message_count == len(kept) == reader.end_ns + 1
    failed_at = int(done.stdout.split("message ")[1].split()[0])
    assert f"the first {len(kept)} messages are a bag in" in done.stdout
    assert 8 <= len(kept) <= failed_at <= 17  # 17 would be 9 MB; the last 4 MiB may wait for their commit


def summary_of(bag: Path) -> Summary:
    with (bag / f"{bag.name}.mcap").open("rb") as file:
        summary = make_reader(file, validate_crcs=True).get_summary()
    assert summary is not None
    return summary


@pytest.mark.parametrize("spare", [10, 20_000])
def test_an_mcap_file_that_was_cut_has_the_index_of_what_it_holds(tmp_path: Path, spare: int) -> None:
    """Behind the fifth chunk there is room for no index, or for the index but no more messages."""

    def written(name: str, limit: int) -> Path:
        command = [sys.executable, "-c", FULL_DISK, str(tmp_path / name), "mcap", str(limit)]
        subprocess.run(command, capture_output=True, check=True)
        return tmp_path / name

    fifth = summary_of(written("whole", 10**9)).chunk_indexes[4]
    end = fifth.chunk_start_offset + fifth.chunk_length + fifth.message_index_length
    summary = summary_of(written("bag", end + spare).with_name("bag.part") / "bag")
    chunks = 4 if spare == 10 else 5
    assert len(summary.chunk_indexes) == chunks
    statistics = summary.statistics
    assert statistics is not None
    kept = statistics.message_count
    assert (statistics.chunk_count, statistics.message_start_time, statistics.message_end_time) == (chunks, 0, kept - 1)
    with BagReader(tmp_path / "bag.part/bag/bag.mcap") as reader:
        assert [message.log_ns for message in reader.messages()] == list(range(kept))


def test_a_topic_that_is_there_already_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="topic /a is in the bag already"), BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/a", IMAGE)
        bag.add_topic("/a", IMAGE)


def test_a_topic_without_definition_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(BagError, match=r"topic /x: message type 'acme_msgs/msg/Thing' is defined neither"),
        BagWriter(tmp_path / "bag") as bag,
    ):
        bag.add_topic("/x", "acme_msgs/msg/Thing")
    assert list(tmp_path.iterdir()) == []


def test_unknown_storage_and_topic(tmp_path: Path) -> None:
    with pytest.raises(BagError, match=r"no storage 'rosbag1'; use one of mcap, sqlite3"):
        BagWriter(tmp_path / "bag", storage="rosbag1")
    with pytest.raises(BagError, match="was not announced"), BagWriter(tmp_path / "bag") as bag:
        bag.write("/nothing", 0, CDR)
