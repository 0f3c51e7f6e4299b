from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from enet_ros import model_file
from enet_ros.bags.create import BagLayout, create
from enet_ros.card import ModelCard
from enet_ros.engines import create as create_engine
from enet_ros.engines.base import Engine
from enet_ros.frames.street import from_street

SIZE_HW = (72, 96)


@pytest.fixture(scope="session")
def model() -> Path:
    return model_file.resolve("camvid")


@pytest.fixture(scope="session")
def card(model: Path) -> ModelCard:
    return model_file.read_card(model)


@pytest.fixture(scope="session")
def engine(model: Path) -> Iterator[Engine]:
    """The shipped network on small images."""
    engine = create_engine("onnxruntime", model, size=SIZE_HW)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of the synthetic street at 192x144 with calibration and truth; do not write into it."""
    out = tmp_path_factory.mktemp("street") / "street"
    create(out, from_street(12, rate_hz=10.0, width=192, height=144), BagLayout(compression="png"))
    return out


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
