"""Exported TensorRT engines: told apart from other programs', from damaged ones, from those for other machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from enet_ros import cli
from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID
from enet_ros.engines.source import GraphSource
from enet_ros.engines.tensorrt.file import ANY_GPU, EngineFile, check_fits, read, write
from enet_ros.errors import EnetRosError, EngineError, ModelError
from enet_ros.model_file import load, read_card
from enet_ros.spec import ENetSpec

ORIN = "Orin (compute capability 8.7)"
FILE = EngineFile(
    ModelCard("test", ENetSpec(num_classes=11), CAMVID, (40, 56)), "TensorRT 10.3.0", ORIN, "fp16", b"plan\n\0"
)


def test_round_trip(tmp_path: Path) -> None:
    path = write(tmp_path / "test.engine", FILE)
    assert read(path) == FILE and read_card(path) == FILE.card
    assert [p.name for p in tmp_path.iterdir()] == ["test.engine"]


def test_what_else_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "test.engine", FILE)
    assert cli.main(["models", str(path)]) == 0
    assert "56x40" in capsys.readouterr().out
    for read_weights in (load, GraphSource):
        with pytest.raises(EnetRosError, match=r"test\.engine is "):
            read_weights(path)


@pytest.mark.parametrize("data", [b"", b"ftrt\0\0\0\0" * 8])
def test_another_programs_engine_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "foreign.engine"
    path.write_bytes(data)
    with pytest.raises(EngineError, match=r"foreign\.engine is not an engine of enet_ros .*enet_ros export"):
        read(path)
    with pytest.raises(ModelError, match="not an engine of enet_ros"):
        read_card(path)


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d.replace(b'"runtime"', b'"r"'), lambda d: d[:40], lambda d: d + b"!"]
)
def test_a_damaged_engine_is_refused(tmp_path: Path, damage) -> None:
    path = write(tmp_path / "test.engine", FILE)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(EngineError, match="damaged"):
        read(path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="choose a writable folder"):
        write(tmp_path / "none" / "test.engine", FILE)


def test_where_it_fits() -> None:
    check_fits(Path("test.engine"), FILE, "TensorRT 10.3.0", ORIN, None)
    check_fits(Path("test.engine"), FILE, "TensorRT 10.3.0", ORIN, (40, 56))
    check_fits(Path("test.engine"), FILE._replace(device=ANY_GPU), "TensorRT 10.3.0", "RTX 4090", None)


@pytest.mark.parametrize(
    ("runtime", "device", "size", "words"),
    [
        ("TensorRT 10.4.0", ORIN, None, r"is for TensorRT 10\.3\.0, not TensorRT 10\.4\.0"),
        ("TensorRT 10.3.0", "RTX 4090", None, r"is for Orin .*, not RTX 4090"),
        ("TensorRT 10.3.0", ORIN, (48, 64), r"is for 56x40 images, not 64x48 images"),
    ],
)
def test_where_it_does_not(runtime: str, device: str, size: tuple[int, int] | None, words: str) -> None:
    with pytest.raises(EngineError, match=words + ".*enet_ros export"):
        check_fits(Path("test.engine"), FILE, runtime, device, size)
