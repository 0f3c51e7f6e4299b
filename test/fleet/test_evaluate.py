from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from enet_ros.bags.create import BagLayout, create
from enet_ros.cli import main
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


def scores(out: Path, *bags: Path, code: int = 0) -> dict[str, object]:
    options = ["--model", "camvid", "--size", "96x72", "--engine", "onnxruntime", "--json", str(out)]
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
