"""The verb table and what main() makes of wrong input."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from enet_ros import cli
from enet_ros.errors import ModelError


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A verb `fake` that hands back its --code."""
    module = ModuleType("enet_ros.cli.fake", "Do nothing.\n\nexamples:\n  enet_ros fake --code 3")
    vars(module)["add_arguments"] = lambda parser: parser.add_argument("--code", type=int, default=0)
    vars(module)["run"] = lambda args: args.code
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(cli.VERBS, "fake", "do nothing")
    yield module


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_verb_has_a_module_that_teaches(name: str) -> None:
    spec = importlib.util.find_spec(f"enet_ros.cli.{cli.module_of(name)}")
    assert spec is not None, f"the table names {cli.module_of(name)}.py, which does not exist"
    module = cli.load(name)
    assert callable(module.add_arguments) and callable(module.run)
    assert f"enet_ros {name}" in (module.__doc__ or ""), "the docstring shows no example"


def test_every_module_is_in_the_table() -> None:
    paths = Path(cli.__file__).parent.glob("*.py")
    modules = {path.stem for path in paths if "\ndef add_arguments(" in path.read_text()}
    verbs = {cli.module_of(verb) for verb in cli.VERBS}
    # bag_create belongs to bag, many to the verbs that work on many bags
    assert {name for name in modules if name.partition("_")[0] not in verbs} <= verbs | {"many"}


def test_help_lists_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text and summary in text for name, summary in cli.VERBS.items())
    assert "examples:" in text


def test_no_verb_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "examples:" in capsys.readouterr().out


def test_a_misspelt_verb_is_corrected(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["modles"]) == 2
    assert capsys.readouterr().err == "enet_ros: there is no verb 'modles': did you mean 'models'?\n"


def test_an_unknown_verb_names_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["xyzzy"]) == 2
    assert "use one of models" in capsys.readouterr().err


def test_the_code_of_the_verb_is_the_code_of_the_program(verb: ModuleType) -> None:
    assert cli.main(["fake", "--code", "3"]) == 3


def test_the_help_of_a_verb_is_its_docstring(verb: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["fake", "--help"])
    assert "Do nothing.\n\nexamples:\n  enet_ros fake --code 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ModelError("x.onnx has no card"), 2, "enet_ros: x.onnx has no card\n"),
        (OSError(28, "No space left on device", "a.png"), 2, "enet_ros: a.png: No space left on device\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_are_one_line(
    verb: ModuleType, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, message: str
) -> None:
    def run(args: object) -> int:
        raise error

    vars(verb)["run"] = run
    assert cli.main(["fake"]) == code
    assert capsys.readouterr().err == message


def test_a_bug_keeps_its_traceback(verb: ModuleType) -> None:
    def run(args: object) -> int:
        raise ZeroDivisionError

    vars(verb)["run"] = run
    with pytest.raises(ZeroDivisionError):
        cli.main(["fake"])


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing(name: str) -> ModuleType:
        raise ModuleNotFoundError("No module named 'cv2'", name="cv2")

    monkeypatch.setattr(cli.importlib, "import_module", missing)
    assert cli.main(["models"]) == 2
    assert "pip install opencv-python-headless" in capsys.readouterr().err


def test_a_library_that_a_verb_misses_later_is_named(verb: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    def run(args: object) -> int:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    vars(verb)["run"] = run
    missing = "torch.nn"
    assert cli.main(["fake"]) == 2
    assert capsys.readouterr().err == "enet_ros: 'fake' needs the Python module 'torch': pip install torch\n"
    missing = "enet_ros.nowhere"
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        cli.main(["fake"])


def test_a_closed_pipe_is_no_error() -> None:
    code = """
import sys, types
from enet_ros import cli
verb = types.SimpleNamespace(__doc__="", add_arguments=lambda parser: None, run=lambda args: print("model"))
sys.modules["enet_ros.cli.models"] = verb
sys.exit(cli.main(["models"]))
"""
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    done = subprocess.run([sys.executable, "-c", code], stdout=writing_end, stderr=subprocess.PIPE, text=True)
    os.close(writing_end)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    "words", [("bag", "info"), ("bag", "play"), ("label", "-o", "out"), ("label", "out"), ("evaluate", "--bag")]
)
def test_no_verb_tells_what_is_secret_in_an_address(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([*words, "ftp9://bob:p4ss@127.0.0.1:9/x.mcap?X-Amz-Signature=5ec3e7"]) == 2
    said = capsys.readouterr().err
    assert "p4ss" not in said and "5ec3e7" not in said and not list(tmp_path.iterdir())
