from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from enet_ros.bags import BagReader
from enet_ros.bags.messages import IMAGE, image_cdr
from enet_ros.bags.segments import SegmentedBag, TopicPlan
from enet_ros.errors import BagError, EngineError
from enet_ros.messages import Header

CDR = image_cdr(Header(1, "cam"), np.zeros((4, 5, 3), np.uint8), "rgb8")
TOPICS = [TopicPlan("/a", IMAGE), TopicPlan("/b", IMAGE)]
JOB = {"input": "x", "size": [1, 2]}


class Killed(BaseException):
    """Stands for what no cleaning up can follow; the segments that were open are made again."""


def run(path: Path, until: int, end: int = 10, job: dict[str, object] = JOB) -> None:
    """Write messages consumed..end-1, a checkpoint every 4, and break off before message `until`."""
    with SegmentedBag(path, TOPICS, job=job) as bag:
        for number in range(bag.consumed, end):
            if number == until:
                raise Killed
            bag.write("/a", number, CDR)
            if (number + 1) % 4 == 0:
                bag.checkpoint(number + 1)
        bag.checkpoint(end)


def log_times(path: Path) -> list[int]:
    with BagReader(path) as reader:
        assert reader.damage is None
        assert [t.name for t in reader.topics] == ["/a", "/b"]
        found = [m.log_ns for m in reader.messages()]
        assert reader.message_count == len(found) and (reader.start_ns, reader.end_ns) == (found[0], found[-1])
        assert reader.topic("/a").total == len(found) and reader.topic("/b").total == 0
        return found


def test_a_whole_run_is_one_bag_of_several_files(tmp_path: Path) -> None:
    run(tmp_path / "out", until=99)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "metadata.yaml",
        "out_0.mcap",
        "out_1.mcap",
        "out_2.mcap",
    ]
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    assert log_times(tmp_path / "out") == list(range(10))


@pytest.mark.parametrize("metadata", [True, False])
def test_the_tenth_file_follows_the_ninth(tmp_path: Path, metadata: bool) -> None:
    """Whoever goes by the names has to read their numbers as such."""
    run(tmp_path / "out", until=99, end=47)
    with BagReader(tmp_path / "out") as reader:
        assert (reader.start_ns, reader.end_ns, reader.message_count) == (0, 46, 47)
    if not metadata:
        (tmp_path / "out" / "metadata.yaml").unlink()
    with BagReader(tmp_path / "out") as reader:
        assert [message.log_ns for message in reader.messages()] == list(range(47))


def test_the_joined_metadata_tells_the_times_of_all_files(tmp_path: Path) -> None:
    start_ns = 1_700_000_000_000_000_000
    with SegmentedBag(tmp_path / "out", TOPICS, job=JOB) as bag:
        for number in range(3):
            bag.write("/a", start_ns + 10 * number, CDR)
            bag.checkpoint(number + 1)
    info = yaml.safe_load((tmp_path / "out/metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert info["starting_time"] == {"nanoseconds_since_epoch": start_ns}
    assert (info["duration"], info["message_count"]) == ({"nanoseconds": 20}, 3)
    found = [(file["path"], file["starting_time"]["nanoseconds_since_epoch"]) for file in info["files"]]
    assert found == [(f"out_{number}.mcap", start_ns + 10 * number) for number in range(3)]
    assert [topic["message_count"] for topic in info["topics_with_message_count"]] == [3, 0]


@pytest.mark.parametrize("until", [0, 3, 4, 5, 9])
def test_a_run_that_broke_off_is_gone_on_with(tmp_path: Path, until: int) -> None:
    with pytest.raises(Killed):
        run(tmp_path / "out", until)
    assert not (tmp_path / "out").exists()
    run(tmp_path / "out", until=99)
    assert log_times(tmp_path / "out") == list(range(10))
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_finished_segments_are_bags_meanwhile(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path / "out", until=6)
    assert log_times(tmp_path / "out.part/out_0") == [0, 1, 2, 3]


def test_a_kill_while_the_segments_are_joined(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path / "out", until=9)
    part = tmp_path / "out.part"
    (part / "out").mkdir()
    (part / "out_0/out_0.mcap").rename(part / "out/out_0.mcap")  # as far as the other run came
    run(tmp_path / "out", until=99)
    assert log_times(tmp_path / "out") == list(range(10))


@pytest.mark.parametrize("lost", ["out_0", "out_1"])
def test_a_finished_segment_that_is_gone_is_made_again_with_all_others(tmp_path: Path, lost: str) -> None:
    with pytest.raises(Killed):
        run(tmp_path / "out", until=9)
    shutil.rmtree(tmp_path / "out.part" / lost)
    run(tmp_path / "out", until=99)
    assert log_times(tmp_path / "out") == list(range(10))


def test_nothing_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="^failed$"), SegmentedBag(tmp_path / "out", TOPICS, job=JOB) as bag:
        bag.write("/a", 0, CDR)
        raise EngineError("failed")
    assert list(tmp_path.iterdir()) == []


def test_another_job_does_not_go_on_with_it(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path / "out", until=6)
    with pytest.raises(BagError, match=r"out.part is left from a run with other settings.*--force"):
        run(tmp_path / "out", until=99, job={"input": "y"})
    with SegmentedBag(tmp_path / "out", TOPICS, job={"input": "y"}, overwrite=True) as bag:
        assert bag.consumed == 0
        bag.write("/a", 7, CDR)
        bag.checkpoint(1)
    assert log_times(tmp_path / "out") == [7]


def test_an_existing_bag_and_a_second_process_are_refused(tmp_path: Path) -> None:
    run(tmp_path / "out", until=99)
    with pytest.raises(BagError, match="out exists"):
        run(tmp_path / "out", until=99)
    with SegmentedBag(tmp_path / "two", TOPICS, job=JOB) as bag:
        with pytest.raises(BagError, match="another process is writing .*two.part"):
            SegmentedBag(tmp_path / "two", TOPICS, job=JOB)
        bag.write("/a", 0, CDR)
        bag.checkpoint(1)


def test_an_error_leaves_finished_segments_only(tmp_path: Path) -> None:
    complaint = "the runtime failed; 1 finished segments are bags in .*out.part; run the same command again"
    with pytest.raises(EngineError, match=complaint), SegmentedBag(tmp_path / "out", TOPICS, job=JOB) as bag:
        bag.write("/a", 0, CDR)
        bag.checkpoint(1)
        bag.write("/a", 1, CDR)
        raise EngineError("the runtime failed")
    assert sorted(p.name for p in (tmp_path / "out.part").iterdir()) == ["journal.json", "lock", "out_0"]
