from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from enet_ros.bags import BagReader, BagWriter
from enet_ros.bags.cameras import CLASSES_KEY
from enet_ros.bags.create import BagLayout, create
from enet_ros.cli import main
from enet_ros.datasets.corruptions import Corruption
from enet_ros.evaluation.stored import stored
from enet_ros.fleet import Drive, find_drives
from enet_ros.fleet.scratch import Scratch
from enet_ros.fleet.work import EvaluateWork, EvaluateWorker, Opened
from enet_ros.frames.street import from_street

from .conftest import MODEL


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """whole/ of 5 frames, and halves/ with the first two as a and the rest as b."""
    folder = tmp_path_factory.mktemp("streets")
    whole = from_street(5, rate_hz=10.0, width=192, height=144)
    rest = replace(whole, total=3, loads=lambda: islice(whole.loads(), 2, None))
    for name, source in (("whole", whole), ("halves/a", whole.first(2)), ("halves/b", rest)):
        (folder / name).parent.mkdir(exist_ok=True)
        create(folder / name, source, BagLayout(compression="none"))
    return folder


def scores(out: Path, *bags: Path, code: int = 0, more: Sequence[str] = ()) -> dict[str, object]:
    options = ["--model", "camvid", "--size", "96x72", "--engine", "onnxruntime", "--json", str(out), *more]
    assert main(["evaluate", "--bag", *map(str, bags), *options]) == code
    values: dict[str, object] = json.loads(out.read_text())
    return values


def test_the_scores_of_many_bags_are_those_of_one_that_holds_them_all(streets: Path, tmp_path: Path) -> None:
    whole = scores(tmp_path / "whole.json", streets / "whole")
    halves = scores(tmp_path / "halves.json", streets / "halves")
    assert halves.pop("bags") == ["a", "b"]
    assert halves == whole and whole["frames"] == 5
    assert scores(tmp_path / "glob.json", streets / "halves/*")["frames"] == 5


def test_a_bag_that_cannot_be_scored_costs_the_others_nothing(
    streets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(streets / "halves", tmp_path / "in")
    (tmp_path / "in/broken.mcap").write_bytes(b"no bag")
    found = scores(tmp_path / "found.json", tmp_path / "in", code=1)
    assert found == scores(tmp_path / "good.json", streets / "halves")
    assert "1 of 3 bags failed:\n  broken: " in capsys.readouterr().err
    assert main(["evaluate", "--bag", str(tmp_path / "in"), "--report", str(tmp_path / "page.html")]) == 2
    assert "leave out --report" in capsys.readouterr().err


def test_what_was_scored_before_is_taken_over(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the same model, settings and bags alone; from a killed run, or what is left of a file."""
    asked: list[str] = []

    def seen(self: EvaluateWorker, drive: Drive) -> Opened:
        asked.append(drive.name)
        if killed and len(asked) == 2:
            raise KeyboardInterrupt
        return opened(self, drive)

    opened, killed = EvaluateWorker.open, True
    monkeypatch.setattr(EvaluateWorker, "open", seen)
    kept = ("-o", str(tmp_path / "kept"))
    shutil.copytree(streets / "halves", tmp_path / "in")
    command = ["evaluate", "--bag", str(tmp_path / "in"), "--model", "camvid", "--size", "96x72"]
    assert main([*command, "--engine", "onnxruntime", *kept]) == 130 and asked == ["a", "b"]
    killed = False

    def again(*more: str) -> dict[str, object]:
        asked.clear()
        return scores(tmp_path / "found.json", tmp_path / "in", more=(*kept, *more))

    whole = scores(tmp_path / "whole.json", streets / "halves")
    assert again() == whole and asked == ["b"]
    assert again() == whole and asked == []
    assert again("--corrupt", "noise:5")["pixel_accuracy"] != whole["pixel_accuracy"] and asked == ["a", "b"]
    assert again() == whole and asked == ["a", "b"]
    (tmp_path / "kept/a.json").write_text("{")
    os.utime(next((tmp_path / "in/b").glob("*.mcap")), (1, 1))
    assert again() == whole and asked == ["a", "b"]
    other = (tmp_path / "kept/a.json").read_text().replace('["onnxruntime", "', '["onnxruntime", "Older ', 1)
    (tmp_path / "kept/a.json").write_text(other)
    assert main([*command, "--engine", "onnxruntime", *kept]) == 2
    assert "b and a were scored by onnxruntime (" in capsys.readouterr().err


def jumbled(source: Path, out: Path) -> Path:
    """The bag with all truths late but one, an image that comes twice, and one that is lost."""
    with BagReader(source) as reader, BagWriter(out) as bag:
        for topic in reader.topics:
            bag.add_topic(topic.name, topic.type, topic.connection)
        bag.set_custom_data(CLASSES_KEY, reader.custom_data[CLASSES_KEY])
        late = []
        for message in reader.messages():
            truth = message.topic.endswith("ground_truth")
            if truth and message.number != 4:
                late.append((message.topic, message.log_ns + 310_000_000, message.data))
            elif truth or message.number != 9:
                late.append((message.topic, message.log_ns, message.data))
            if message.number == 6 and not truth:
                late.append((message.topic, message.log_ns + 1, message.data))
        for topic, log_ns, data in sorted(late, key=lambda each: each[1]):
            bag.write(topic, log_ns, data)
    return out


@pytest.mark.parametrize("corruption", [None, Corruption("noise", 5)])
def test_a_long_bag_by_segments_is_scored_as_a_whole(tmp_path: Path, corruption: Corruption | None) -> None:
    """Every count and every frame, whoever does which segment."""
    create(tmp_path / "street", from_street(14, rate_hz=10.0, width=192, height=144), BagLayout(compression="none"))
    (drive,) = find_drives([str(jumbled(tmp_path / "street", tmp_path / "jumbled"))])
    found = []
    for segment, pieces in ((500, (-1,)), (5, (0, 1, 2))):
        work = EvaluateWork(MODEL, corruption=corruption, segment=segment)
        workers = [work.worker(Scratch(tmp_path / "scratch"), 1) for _ in range(2)]
        assert workers[0].open(drive).pieces == pieces
        values = [workers[n % 2].piece(drive, n, lambda messages: None).value for n in reversed(pieces)]
        found.append(json.loads(stored(workers[1].join(drive, values[::-1]), None)))
        for worker in workers:
            worker.close()
    for each in found:
        assert each.pop("frames_per_s") > 0
        each["engine"].pop(6)  # milliseconds to load
        each["source"].pop(2)  # truths of the bag, or those that have an image
    assert found[0] == found[1] and len(found[0]["frames"]) == 13
