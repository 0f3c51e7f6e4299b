from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from enet_ros.bags.create import BagLayout, create
from enet_ros.cli import main
from enet_ros.fleet import Drive
from enet_ros.fleet.work import EvaluateWorker, Opened
from enet_ros.frames.street import from_street


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
