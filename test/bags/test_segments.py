from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import yaml

from enet_ros.bags import BagReader
from enet_ros.bags.messages import IMAGE, image_cdr
from enet_ros.bags.segments import SegmentedBag, TopicPlan
from enet_ros.errors import BagError, EngineError, PlaceError
from enet_ros.holding import held
from enet_ros.messages import Header
from enet_ros.places import Place

CDR = image_cdr(Header(1, "cam"), np.zeros((4, 5, 3), np.uint8), "rgb8")
TOPICS = [TopicPlan("/a", IMAGE), TopicPlan("/b", IMAGE)]
JOB = {"input": "x", "size": [1, 2]}


class Killed(BaseException):
    """Stands for what no cleaning up can follow; the segments that were open are made again."""


def write(bag: SegmentedBag, number: int, times: Iterable[int]) -> None:
    """A finished segment with a message at each time."""
    with bag.segment(number, TOPICS) as segment:
        for log_ns in times:
            segment.write("/a", log_ns, CDR)
        segment.finish(f"segment {number}")


def run(path: Path, until: int, end: int = 10, job: dict[str, object] = JOB, overwrite: bool = False) -> None:
    """Write messages 0..end-1 in segments of four, but for those finished, and break off before message `until`."""
    bag = SegmentedBag(Place.of(path))
    bag.refuse_existing(overwrite)
    bag.begin(job, overwrite)
    done = bag.finished()
    count = -(-end // 4)
    for number in range(count):
        if number in done:
            continue
        with bag.segment(number, TOPICS) as segment:
            for log_ns in range(4 * number, min(4 * number + 4, end)):
                if log_ns == until:
                    raise Killed
                segment.write("/a", log_ns, CDR)
            segment.finish(f"segment {number}")
    bag.join(count)


def finished(path: Path, number: int) -> Path:
    """The folder of a finished segment."""
    (folder,) = (path.parent / f"{path.name}.part").glob(f"*/{path.name}_{number}")
    return folder


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
    bag = SegmentedBag(Place.of(tmp_path / "out"))
    bag.begin(JOB)
    for number in (2, 0, 1):  # in any order
        write(bag, number, [start_ns + 10 * number])
    bag.join(3)
    info = yaml.safe_load((tmp_path / "out/metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert info["starting_time"] == {"nanoseconds_since_epoch": start_ns}
    assert (info["duration"], info["message_count"]) == ({"nanoseconds": 20}, 3)
    found = [(file["path"], file["starting_time"]["nanoseconds_since_epoch"]) for file in info["files"]]
    assert found == [(f"out_{number}.mcap", start_ns + 10 * number) for number in range(3)]
    assert [topic["message_count"] for topic in info["topics_with_message_count"]] == [3, 0]


def test_a_segment_without_messages_has_no_file(tmp_path: Path) -> None:
    bag = SegmentedBag(Place.of(tmp_path / "out"))
    bag.begin(JOB)
    for number, times in enumerate(([], [5], [], [7])):
        write(bag, number, times)
    bag.join(4)
    assert log_times(tmp_path / "out") == [5, 7]


def test_a_segment_that_is_made_twice_is_in_the_bag_once(tmp_path: Path) -> None:
    """As after a machine that was thought to be dead: another process wrote the same meanwhile."""
    ours, theirs = (SegmentedBag(Place.of(tmp_path / "out")) for _ in range(2))
    ours.begin(JOB)
    with ours.segment(0, TOPICS) as slow:
        slow.write("/a", 1, CDR)
        write(theirs, 0, [1])
        slow.finish("late")
    assert ours.finished() == theirs.finished() == {0: "late"}
    ours.join(1)
    assert log_times(tmp_path / "out") == [1]
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


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
    assert log_times(finished(tmp_path / "out", 0)) == [0, 1, 2, 3]


def test_a_kill_while_the_segments_are_joined(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path / "out", until=9)
    whole = tmp_path / "out.part/out"
    whole.mkdir()
    (finished(tmp_path / "out", 0) / "out_0.mcap").rename(whole / "out_0.mcap")  # as far as the other run came
    run(tmp_path / "out", until=99)
    assert log_times(tmp_path / "out") == list(range(10))


@pytest.mark.parametrize("lost", [0, 1])
def test_a_finished_segment_that_is_gone_is_made_again(tmp_path: Path, lost: int) -> None:
    with pytest.raises(Killed):
        run(tmp_path / "out", until=9)
    shutil.rmtree(finished(tmp_path / "out", lost))
    assert list(SegmentedBag(Place.of(tmp_path / "out")).finished()) == [1 - lost]
    with pytest.raises(PlaceError, match=f"out.part lacks segment {lost}"):
        SegmentedBag(Place.of(tmp_path / "out")).join(2)
    run(tmp_path / "out", until=99)
    assert log_times(tmp_path / "out") == list(range(10))


def test_an_attempt_that_broke_off_leaves_nothing(tmp_path: Path) -> None:
    bag = SegmentedBag(Place.of(tmp_path / "out"))
    bag.begin(JOB)
    write(bag, 0, [0])
    with pytest.raises(EngineError, match="^failed$"), bag.segment(1, TOPICS) as segment:
        segment.write("/a", 1, CDR)
        raise EngineError("failed")
    assert sorted(p.name for p in (tmp_path / "out.part").iterdir())[0] == "0.json"
    assert [p.name for p in (tmp_path / "out.part").glob("*/*")] == ["out_0"]


def test_what_a_killed_attempt_has_left_is_removed(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path / "out", until=6)
    (tmp_path / "out.part/0123/out_1").mkdir(parents=True)
    (tmp_path / "out.part/0123/out_1/out_1.mcap").write_bytes(b"half")
    SegmentedBag(Place.of(tmp_path / "out")).begin(JOB)
    assert not (tmp_path / "out.part/0123").exists() and finished(tmp_path / "out", 0).exists()


def test_another_job_does_not_go_on_with_it(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path / "out", until=6)
    with pytest.raises(BagError, match=r"out.part is left from a run with other settings.*--force"):
        run(tmp_path / "out", until=99, job={"input": "y"})
    bag = SegmentedBag(Place.of(tmp_path / "out"))
    bag.begin({"input": "y"}, overwrite=True)
    assert bag.finished() == {}
    write(bag, 0, [7])
    bag.join(1)
    assert log_times(tmp_path / "out") == [7]


def test_an_existing_bag_and_a_second_process_are_refused(tmp_path: Path) -> None:
    run(tmp_path / "out", until=99)
    with pytest.raises(BagError, match="out exists"):
        run(tmp_path / "out", until=99)
    run(tmp_path / "out", until=99, end=3, overwrite=True)
    assert log_times(tmp_path / "out") == [0, 1, 2]
    part = Place.of(tmp_path / "two.part")
    with held(part), pytest.raises(BagError, match="another process is writing .*two.part"), held(part):
        pass
