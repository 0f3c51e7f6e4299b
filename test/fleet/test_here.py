"""Many bags in one process: the same bytes as each by itself, wherever they come from and go to."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest

from enet_ros import holding, model_file
from enet_ros.bags import BagReader
from enet_ros.bags.create import BagLayout, create
from enet_ros.bags.segments import Segment
from enet_ros.bags.writer import BagWriter
from enet_ros.cli import label, main
from enet_ros.errors import BagError, WorkerError
from enet_ros.fleet import Drive, Outcome, find_drives, run_here
from enet_ros.fleet.scratch import Scratch
from enet_ros.fleet.work import Done, EngineChoice, LabelWorker
from enet_ros.frames.street import from_street
from enet_ros.places import Place

from .conftest import MODEL, contents, label_work

OPTIONS = ("--model", "camvid", "--engine", "onnxruntime")


def run(source: str, out: Place | Path, scratch: Path) -> dict[str, Outcome]:
    worker = label_work(out).worker(Scratch(scratch), 2)
    try:
        return {outcome.drive.name: outcome for outcome in run_here(worker, find_drives([source]))}
    finally:
        worker.close()


def test_a_folder_of_bags_is_what_each_is_by_itself(
    drives: Path, labelled: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    found = run(str(drives), out, tmp_path / "scratch")
    assert contents(out) == labelled
    assert found["broken"].problem.startswith(f"{drives}/broken.mcap has no camera topic")
    assert {name: outcome.result.frames for name, outcome in found.items() if outcome.result} == {
        "long": 12,
        "night/short": 4,
    }
    monkeypatch.setattr(Segment, "write", None)
    again = run(str(drives), out, tmp_path / "scratch")
    assert [again[name].result for name in ("long", "night/short")] == [None, None]  # nothing was written


def test_what_is_amiss_is_told_by_every_run(drives: Path, tmp_path: Path) -> None:
    """Of a bag that is cut short, and of one with an image that is none."""
    create(tmp_path / "whole", from_street(8, rate_hz=10.0, width=320, height=240), BagLayout(compression="none"))
    whole = (tmp_path / "whole/whole.mcap").read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/cut.mcap").write_bytes(whole[: len(whole) * 8 // 10])
    with BagReader(drives / "night/short.mcap") as reader, BagWriter(tmp_path / "in/bad") as bag:
        for topic in reader.topics:
            bag.add_topic(topic.name, topic.type, topic.connection)
        for message in reader.messages():
            broken = message.number == 1 and message.topic.endswith("/compressed")
            data = message.data.replace(b"\xff\xd8\xff", b"\0\0\0") if broken else message.data
            bag.write(message.topic, message.log_ns, data)
    first = run(str(tmp_path / "in"), tmp_path / "out", tmp_path / "scratch")
    assert "is damaged at message" in first["cut"].problem and len(first["bad"].result.problems) == 1
    again = run(str(tmp_path / "in"), tmp_path / "out", tmp_path / "scratch")
    assert "out/cut was made before: the input is damaged after" in again["cut"].problem
    assert again["bad"].problem.endswith("out/bad was made before: 1 messages of the input could not be labelled")


def test_from_a_store_to_a_store(drives: Path, labelled: dict[str, bytes], memory: Place, tmp_path: Path) -> None:
    for file in Place.of(drives).files():
        (memory / "in" / file.path).put(drives / file.path)
    found = run(f"{memory}/in", memory / "out", tmp_path)
    assert contents(memory / "out") == labelled
    assert found["broken"].problem.startswith(f"{memory}/in/broken.mcap has no camera topic")
    assert not list(Scratch(tmp_path).own.parent.glob("*/*/*"))  # no segment is left on this machine


def test_a_full_disk_ends_it_and_it_goes_on_later(
    drives: Path, labelled: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk refuses in the middle of the second segment; the other bag is not tried in vain."""
    write, left = Segment.write, 10

    def refuse(self: Segment, *message: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise BagError("cannot write") from OSError(28, "No space left on device")
        write(self, *message)  # type: ignore[arg-type]

    monkeypatch.setattr(Segment, "write", refuse)
    with pytest.raises(WorkerError, match="cannot write; when that is mended, the same command goes on"):
        run(str(drives), tmp_path / "out", tmp_path / "scratch")
    assert left == -1 and [p.name for p in (tmp_path / "out").iterdir()] == ["long.part"]
    monkeypatch.undo()
    run(str(drives), tmp_path / "out", tmp_path / "scratch")
    assert contents(tmp_path / "out") == labelled


def test_what_many_bags_will_weigh_is_told_before(
    drives: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By one of them; again, of those that are left: the broken one, which tells nothing."""
    command = ["label", str(drives), "-o", str(tmp_path / "out"), "--model", "camvid", "--engine", "onnxruntime"]
    assert main(command) == 1
    said = capsys.readouterr().err
    told = re.search(r"out: will be about .* times 3 bags, as of night/short: (.*) are added to (\S+) MB", said)
    assert told is not None and said.index("will be about") < said.index("12 frames")
    added = sum(float(size) for size in re.findall(r"(\S+) MB", told[1]))
    source, made = (sum(f.size for f in Place.of(p).files()) / 1e6 for p in (drives, tmp_path / "out"))
    assert float(told[2]) == pytest.approx(source, abs=0.05) and added == pytest.approx(made - source, rel=0.3)
    assert main(command) == 1
    assert "will be about" not in capsys.readouterr().err


def test_what_another_model_has_labelled_is_not_taken_for_done(drives: Path, tmp_path: Path) -> None:
    """The same tensors with other means, and a graph of another file with the same card."""
    (drive,) = find_drives([str(drives / "night/short.mcap")])

    def problem(model: Path, engine: EngineChoice = MODEL) -> str:
        work = replace(label_work(tmp_path / "out"), engine=replace(engine, model=model))
        worker = work.worker(Scratch(tmp_path / "scratch"), 2)
        (outcome,) = run_here(worker, [drive])
        worker.close()
        return outcome.problem

    model = model_file.load(MODEL.model)
    graph, other = tmp_path / "camvid.onnx", tmp_path / "other.onnx"
    shutil.copy(MODEL.model.with_suffix(".onnx"), graph)
    another = onnx.load(graph)
    another.producer_name = "another"
    onnx.save(another, other)
    model_file.save(tmp_path / "other.safetensors", model.card.with_(std=(60.0, 60.0, 60.0)), model.tensors)
    assert [problem(MODEL.model) for _ in range(2)] == ["", ""]
    assert "short exists, made with other settings" in problem(tmp_path / "other.safetensors")
    shutil.rmtree(tmp_path / "out")
    of_graph = replace(MODEL, size=None)
    assert [problem(graph, of_graph) for _ in range(2)] == ["", ""]
    assert "short exists, made with other settings" in problem(other, of_graph)


def test_nothing_is_put_in_its_place_once_the_folder_is_lost(
    drives: Path, memory: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another writer takes the lock while the last segment of a bag is labelled."""
    piece = LabelWorker.piece

    def taken(self: LabelWorker, drive: Drive, number: int, *rest: Any) -> Done:
        done = piece(self, drive, number, *rest)
        if number == 1:
            (memory / "out/.lock").write(b"process 2 on robot\nba9876543210 0\n")
            next(thread for thread in threading.enumerate() if thread.name == "hold").join(20)
        return done

    monkeypatch.setattr(LabelWorker, "piece", taken)
    monkeypatch.setattr(holding, "BEAT_S", 0.02)
    command = ["label", str(drives / "night/short.mcap"), "-o", f"{memory}/out", "--checkpoint", "2", *OPTIONS]
    assert main([*command, "--scratch", str(tmp_path)]) == 2
    assert "another process has taken memory://fleet/out over (process 2 on robot)" in capsys.readouterr().err
    assert not (memory / "out/short").exists() and (memory / "out/short.part/1.json").exists()


def test_of_a_store_the_smallest_bag_tells_what_all_will_weigh(
    drives: Path, memory: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It alone is fetched before the work begins, and where that cannot be, nothing is."""
    for file in Place.of(drives).files():
        (memory / "in" / file.path).put(drives / file.path)
    fetched: list[str] = []
    get = Place.get

    def seen(self: Place, target: Path) -> None:
        fetched.append(self.name)
        get(self, target)

    def begun(*_: object) -> Iterator[Outcome]:
        yield from ()

    monkeypatch.setattr(Place, "get", seen)
    monkeypatch.setattr(label.many, "run_many", begun)
    command = ["label", f"{memory}/in", "-o", str(tmp_path / "out"), "--scratch", str(tmp_path / "scratch"), *OPTIONS]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert fetched == ["broken.mcap"] and "/in/broken.mcap (0.0 MB) is fetched to estimate" in said
    assert "out will weigh is not known: memory://fleet/in/broken.mcap has no camera topic" in said
    (memory / "in/broken.mcap").remove()
    assert main(command) == 1
    assert fetched[1:] == ["short.mcap"] and "2 bags, as of night/short" in capsys.readouterr().err
