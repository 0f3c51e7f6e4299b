"""A small model, as values and as a file; and a cache of the test's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from enet_ros.model_file import Model, save

sys.path.append(str(Path(__file__).parent))


@pytest.fixture(scope="session")
def model() -> Model:
    """The paper's network at 40x56."""
    from plain_models import make_model

    return make_model()


@pytest.fixture(scope="session")
def model_path(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("model") / "test.safetensors"
    save(path, model.card, model.tensors)
    return path


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test touches the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield tmp_path / "cache" / "enet_ros"
