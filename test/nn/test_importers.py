"""The table of formats and the verb that uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from caffe_files import Builder, caffemodel
from torch7_files import torch7_file

from enet_ros import cli, model_file
from enet_ros.cli import import_
from enet_ros.errors import ModelError
from enet_ros.nn import ENet, build
from enet_ros.nn.importers import FORMATS, MAX_BYTES, detect, import_file
from enet_ros.spec import VARIANTS, variant

Randomised = Callable[..., ENet]


@pytest.fixture(scope="module")
def torch7_path(random_network: Randomised, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("torch7") / "model-best.net"
    path.write_bytes(torch7_file(random_network(variant("paper", 20)), 0.1))
    return path


def test_detects_by_content(torch7_path: Path, random_network: Randomised, tmp_path: Path) -> None:
    assert detect(torch7_path.read_bytes()) == "torch7"
    assert detect(caffemodel(Builder(random_network(variant("caffe", 19)), True, 0.1).layers)) == "caffe"
    torch.save({}, tmp_path / "x")
    assert detect((tmp_path / "x").read_bytes()) == "pytorch-enet"


def test_detects_the_published_files(weights_dir: Path) -> None:
    found = {path.parent.name: detect(path.read_bytes()) for path in weights_dir.glob("*/*") if path.suffix != ".txt"}
    assert found == {
        "torch7-cityscapes": "torch7",
        "caffe-cityscapes": "caffe",
        "davidtvs-camvid": "pytorch-enet",
    }


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(50), b"\x04\0\0\0", b"{}"])
def test_unknown_content(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"{path}: its first bytes are .*none of the known formats.*torch7"):
        import_file(path, "auto", "x")


def test_wrong_format_by_order(torch7_path: Path) -> None:
    for form in ("caffe", "pytorch-enet", "pytorch-enet-2019"):
        with pytest.raises(ModelError, match=str(torch7_path)):
            import_file(torch7_path, form, "x")


def test_absent_and_oversized_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no file"):
        import_file(tmp_path / "absent", "auto", "x")
    with pytest.raises(ModelError, match="there is no file"):
        import_file(tmp_path, "auto", "x")
    with open(tmp_path / "large", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ModelError, match="has 64 MiB; weights of an ENet have at most"):
        import_file(tmp_path / "large", "auto", "x")


def test_verb_writes_a_model_that_rebuilds_itself(
    torch7_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "models" / "city.safetensors"
    assert cli.main(["import", str(torch7_path), "-o", str(out), "--license", "for tests"]) == 0
    shown = capsys.readouterr().out
    assert f"wrote {out}" in shown and "cityscapes20 (20)" in shown and "1024x512, rgb" in shown
    model = model_file.load(out)
    assert (model.card.name, model.card.license) == ("city", "for tests")
    assert model.card.provenance.endswith("file model-best.net")
    with torch.no_grad():
        assert build(model)(torch.zeros(1, 3, 16, 24)).shape == (1, 20, 16, 24)


def test_verb_options(torch7_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.safetensors"
    run = ["import", str(torch7_path), "-o", str(out)]
    assert cli.main([*run, "--format", "torch7", "--name", "mine", "--classes", "cityscapes20"]) == 0
    assert model_file.read_card(out).name == "mine"
    assert "its card names no licence" in capsys.readouterr().out
    assert cli.main([*run, "--classes", "camvid"]) == 2
    assert "has 20 outputs but its class table 'camvid' lists 11" in capsys.readouterr().err
    assert cli.main(["import", str(torch7_path), "-o", str(tmp_path / "x.pt")]) == 2
    assert "ends with .safetensors" in capsys.readouterr().err


def test_verb_lists_the_formats() -> None:
    assert set(import_._FORMATS) == {"auto", *FORMATS}


def test_documentation_names_every_format_and_variant() -> None:
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    header = next(line for line in text.splitlines() if line.startswith("| | `paper`"))
    shown = [name.strip(" `") for name in header.strip("| ").split("|")]
    full = [f"pytorch-enet{name}" if name.startswith("-") else name for name in shown]
    assert full == list(VARIANTS)
    assert all(f"`{name}`" in text for name in FORMATS)
    counts = next(line for line in text.splitlines() if line.startswith("| learnable parameters"))
    for name, cell in zip(VARIANTS, counts.strip("| ").split("|")[1:], strict=True):
        number, classes = cell.replace(",", "").replace("(", "").replace(")", "").split()
        learnable = ENet(variant(name, int(classes))).parameters()
        assert sum(parameter.numel() for parameter in learnable) == int(number), name
