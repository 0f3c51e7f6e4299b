from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import onnx
import pytest

from enet_ros import model_file
from enet_ros.bags import BagReader, BagWriter
from enet_ros.bags.cameras import CLASSES_KEY
from enet_ros.bags.create import BagLayout, create
from enet_ros.classes import CAMVID
from enet_ros.cli import main
from enet_ros.cli.score_bags import key
from enet_ros.datasets.corruptions import Corruption
from enet_ros.evaluation.stored import restored, stored
from enet_ros.fleet import Drive, Outcome, find_drives, run_here
from enet_ros.fleet.scratch import Scratch
from enet_ros.fleet.work import EngineChoice, EvaluateWork, EvaluateWorker, Opened
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
    model = model_file.load(model_file.resolve("camvid"))
    model_file.save(tmp_path / "camvid.safetensors", model.card.with_(mean=(60.0, 60.0, 60.0)), model.tensors)
    brighter = again("--model", str(tmp_path / "camvid.safetensors"))
    assert brighter["pixel_accuracy"] != whole["pixel_accuracy"] and asked == ["a", "b"]
    assert again() == whole and asked == ["a", "b"]
    capsys.readouterr()
    other = (tmp_path / "kept/a.json").read_text().replace('["onnxruntime", "', '["onnxruntime", "Older ', 1)
    (tmp_path / "kept/a.json").write_text(other)
    assert again() == whole and asked == ["a"]
    told = capsys.readouterr().err
    assert "2 of 2 bags were scored before" in told
    assert re.search(r"1 of them are scored anew: by onnxruntime \(ONNX .* not onnxruntime \(Older ", told)
    assert again() == whole and asked == []


def test_what_a_cluster_runs_is_known_when_it_has_scored(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What another runtime has scored is scored anew after the bags that were left. One process is the cluster."""
    asked: list[str] = []

    def one_by_one(work: EvaluateWork, drives: Sequence[Drive], *_: object) -> Iterator[Outcome]:
        asked.extend(drive.name for drive in drives)
        worker = work.worker(Scratch(tmp_path / "scratch"), 1)
        yield from run_here(worker, drives)
        worker.close()

    monkeypatch.setattr("enet_ros.cli.many.run_on_ray", one_by_one)
    kept = tmp_path / "kept"
    whole = scores(tmp_path / "whole.json", streets / "halves", more=("-o", str(kept)))
    (kept / "a.json").write_text((kept / "a.json").read_text().replace('["onnxruntime", "', '["onnxruntime", "Old ', 1))
    (kept / "b.json").unlink()
    again = scores(tmp_path / "again.json", streets / "halves", more=("-o", str(kept), "--ray"))
    assert again == whole and asked == ["b", "a"]
    (kept / "a.json").write_text((kept / "a.json").read_text().replace('["onnxruntime", "', '["onnxruntime", "Old ', 1))
    again = scores(tmp_path / "again.json", streets / "halves", more=("-o", str(kept), "--ray"))
    assert again == whole and asked == ["b", "a", "b", "a"]  # as a run that was killed in between leaves it
    assert "1 of them are scored anew: by onnxruntime" in capsys.readouterr().err


WORK = EvaluateWork(MODEL)
OTHERS = {
    "image_topic": "/other",
    "truth_topic": "/other",
    "classes": "camvid",
    "caution": 0.5,
    "corruption": Corruption("noise", 5),
}
OF_ENGINE = {"name": "openvino", "precision": "fp16", "size": (144, 192), "confidence": True}


def test_whatever_decides_a_score_is_in_its_key() -> None:
    """Everything a bag is scored by, one after the other; segments and threads decide nothing."""
    assert {f.name for f in fields(EvaluateWork)} - {"engine", "segment"} == {*OTHERS}
    assert {f.name for f in fields(EngineChoice)} - {"model", "threads"} == {*OF_ENGINE}
    works = [WORK, *(replace(WORK, **{name: value}) for name, value in OTHERS.items())]
    works += [replace(WORK, engine=replace(MODEL, **{name: value})) for name, value in OF_ENGINE.items()]
    keys = {json.dumps(key(work)) for work in works}
    assert len(keys) == len(works)
    assert key(replace(WORK, segment=5, engine=replace(MODEL, threads=7))) == key(WORK)


@pytest.mark.parametrize(
    "change",
    [
        {"mean": (1.0, 2.0, 3.0)},
        {"std": (1.0, 2.0, 3.0)},
        {"channel_order": "bgr"},
        {"temperature": 2.0},
        {"input_size": (64, 64)},
        {"classes": replace(CAMVID, drivable=frozenset({"sky"}))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_same_tensors_with_another_card_are_another_model(tmp_path: Path, change: dict[str, object]) -> None:
    card, tensors = model_file.load(model_file.resolve("camvid"))
    same, other = tmp_path / "same.safetensors", tmp_path / "other.safetensors"
    model_file.save(same, card.with_(name="same", license="?"), tensors)
    assert model_file.save(other, card.with_(**change), tensors).digest == card.digest
    found = [key(EvaluateWork(EngineChoice(path))) for path in (MODEL.model, same, other)]
    assert found[0] == found[1] != found[2]


def test_another_file_with_the_same_card_is_another_model(tmp_path: Path) -> None:
    """As an .onnx file of fewer bits has the card of its model."""
    shutil.copy(model_file.resolve("camvid").with_suffix(".onnx"), tmp_path / "a.onnx")
    model = onnx.load(tmp_path / "a.onnx")
    model.producer_name = "another"
    onnx.save(model, tmp_path / "b.onnx")
    a, b = (EngineChoice(tmp_path / name, "onnxruntime") for name in ("a.onnx", "b.onnx"))
    assert model_file.read_card(a.model) == model_file.read_card(b.model)
    assert key(EvaluateWork(a)) != key(EvaluateWork(b))
    with a.create() as one, b.create() as other:
        assert one.info.kind != other.info.kind


def test_scores_of_another_version_are_not_taken_over(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drive,) = find_drives([str(streets / "halves/a")])
    worker = WORK.worker(Scratch(tmp_path), 1)
    result = worker.join(drive, [worker.piece(drive, -1, lambda messages: None).value])
    worker.close()
    content = stored(result, key(WORK))
    assert restored(content, key(WORK), result.card) is not None
    monkeypatch.setattr("enet_ros.evaluation.stored.SCORING", 99)
    assert restored(content, key(WORK), result.card) is None


def test_bags_of_which_none_can_be_scored_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        (tmp_path / f"{name}.mcap").write_bytes(b"no bag")
    assert main(["evaluate", "--bag", str(tmp_path), "--model", "camvid", "--engine", "onnxruntime"]) == 2
    assert f"none of the 2 bags of {tmp_path} could be scored: mend what is told" in capsys.readouterr().err


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
