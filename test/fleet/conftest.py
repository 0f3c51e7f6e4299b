from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from enet_ros import model_file
from enet_ros.bags.create import BagLayout, create
from enet_ros.fleet.work import EngineChoice, LabelWork
from enet_ros.frames.street import from_street
from enet_ros.labelling import BagOptions, OutputSettings
from enet_ros.places import Place

MODEL = EngineChoice(model_file.resolve("camvid"), "onnxruntime", size=(72, 96), threads=1)


@pytest.fixture(scope="session")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """long/ of 12 frames, night/short.mcap of 4, and broken.mcap, which is no bag; do not write into it."""
    folder = tmp_path_factory.mktemp("fleet") / "drives"
    for name, frames in (("long", 12), ("short", 4)):
        create(folder / name, from_street(frames, rate_hz=10.0, width=192, height=144), BagLayout(compression="jpeg"))
    (folder / "night").mkdir()
    (folder / "short/short.mcap").rename(folder / "night/short.mcap")
    shutil.rmtree(folder / "short")
    (folder / "broken.mcap").write_bytes(b"no bag")
    return folder


def label_work(out: Place | Path) -> LabelWork:
    """Masks alone, a segment every two frames."""
    place = out if isinstance(out, Place) else Place.of(out)
    return LabelWork(MODEL, place, OutputSettings(("mask",)), BagOptions(checkpoint=2))


def contents(folder: Path | Place) -> dict[str, bytes]:
    """All files but locks."""
    place = folder if isinstance(folder, Place) else Place.of(folder)
    return {f.path: (place / f.path).read() or b"" for f in place.files() if not f.path.endswith(".lock")}


@pytest.fixture(scope="session")
def labelled(drives: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the bags become, each labelled by itself: files below the folder of results."""
    from enet_ros.labelling import label

    out, work = tmp_path_factory.mktemp("labelled") / "out", label_work(Place("unused"))
    engine, card = MODEL.create(), model_file.read_card(MODEL.model)
    for name, source in (("long", drives / "long"), ("night/short", drives / "night/short.mcap")):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        label(source, out / name, card, engine, work.settings, work.options)
    engine.close()
    return contents(out)


@pytest.fixture
def memory() -> Iterator[Place]:
    """A folder in a store of this process."""
    place = Place.of("memory://fleet")
    yield place
    place.remove()
