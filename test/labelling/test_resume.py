"""A run that broke off goes on as one run would have, and only where everything that decides the result is the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from enet_ros import model_file
from enet_ros.bags import BagReader
from enet_ros.camera import CameraPose
from enet_ros.engines import create
from enet_ros.engines.base import Engine
from enet_ros.errors import BagError
from enet_ros.labelling import OutputSettings, label

SETTINGS = OutputSettings(("mask", "free_space"), CameraPose(1.5, 0.04))


class Stopped(Exception):
    """Raised where the run is to end."""


def stop_after(messages: int) -> Callable[[int], None]:
    left = messages

    def advance(count: int) -> None:
        nonlocal left
        left -= count
        if left <= 0:
            raise Stopped

    return advance


def broken_off(source: Path, out: Path, model: Path, engine: Engine) -> None:
    """Label up to the 20th message, with a segment every two frames."""
    with pytest.raises(Stopped):
        label(source, out, model, engine, SETTINGS, checkpoint=2, advance=stop_after(20))


def contents(bag: Path) -> list[tuple[str, int, bytes]]:
    with BagReader(bag) as reader:
        return [(message.topic, message.log_ns, message.data) for message in reader.messages()]


def test_a_run_that_goes_on_gives_what_one_run_gives(street: Path, model: Path, engine: Engine, tmp_path: Path) -> None:
    broken_off(street, tmp_path / "out", model, engine)
    result = label(street, tmp_path / "out", model, engine, SETTINGS, checkpoint=2)
    assert 0 < result.resumed <= 20 and 0 < result.frames < 12
    label(street, tmp_path / "once", model, engine, SETTINGS)
    assert sorted(contents(tmp_path / "out")) == sorted(contents(tmp_path / "once"))


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(SETTINGS, kinds=("mask",)),
        dataclasses.replace(SETTINGS, pose=CameraPose(1.5, 0.05)),
        dataclasses.replace(SETTINGS, base_frame="base_footprint"),
        dataclasses.replace(SETTINGS, quality=90),
    ],
)
def test_other_settings_do_not_go_on(
    street: Path, model: Path, engine: Engine, tmp_path: Path, other: OutputSettings
) -> None:
    broken_off(street, tmp_path / "out", model, engine)
    with pytest.raises(BagError, match=r"out\.part is left from a run with other settings .*use --force"):
        label(street, tmp_path / "out", model, engine, other)
    result = label(street, tmp_path / "out", model, engine, other, overwrite=True)
    assert (result.resumed, result.frames) == (0, 12)


def test_another_model_engine_or_choice_of_topics_does_not_go_on(
    street: Path, model: Path, engine: Engine, tmp_path: Path
) -> None:
    broken_off(street, tmp_path / "out", model, engine)
    loaded = model_file.load(model)
    tensors = {name: values * 1.5 if name.endswith("bias") else values for name, values in loaded.tensors.items()}
    model_file.save(tmp_path / "other.safetensors", loaded.card, tensors)
    refused = "is left from a run with other settings or another input"
    with pytest.raises(BagError, match=refused):
        label(street, tmp_path / "out", tmp_path / "other.safetensors", engine, SETTINGS)
    smaller = create("onnxruntime", model, size=(48, 64))
    with pytest.raises(BagError, match=refused):
        label(street, tmp_path / "out", model, smaller, SETTINGS)
    smaller.close()
    with pytest.raises(BagError, match=refused):
        label(street, tmp_path / "out", model, engine, SETTINGS, exclude=("/camera/ground_truth",))
    with pytest.raises(BagError, match=refused):
        label(street, tmp_path / "out", model, engine, SETTINGS, storage="sqlite3")
    assert label(street, tmp_path / "out", model, engine, SETTINGS, checkpoint=2).resumed > 0
