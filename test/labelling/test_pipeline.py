from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from enet_ros.arrays import U8
from enet_ros.bags import BagReader
from enet_ros.bags.cameras import Calibrations, find_cameras
from enet_ros.card import ModelCard
from enet_ros.engines import create
from enet_ros.engines.base import Engine, Inference
from enet_ros.errors import EngineError
from enet_ros.labelling.outputs import Outputs, OutputSettings
from enet_ros.labelling.pipeline import Labelled, pipeline
from enet_ros.segmenter import Segmenter

SIZE_HW = (72, 96)


def answers(reader: BagReader, engine: Engine, card: ModelCard) -> Iterator[Labelled]:
    cameras = {camera.topic: camera for camera in find_cameras(reader)}
    calibrations = Calibrations(reader, cameras.values())
    outputs = Outputs(card, OutputSettings(("mask",)))
    return pipeline(reader.messages(), cameras, Segmenter(engine, card), outputs, calibrations)


def test_messages_keep_their_order_and_cameras_have_answers(street: Path, engine: Engine, card: ModelCard) -> None:
    with BagReader(street) as reader:
        before = [(m.topic, m.number) for m in reader.messages()]
        found = list(answers(reader, engine, card))
    assert [(a.message.topic, a.message.number) for a in found] == before
    assert [bool(a.outputs) for a in found] == [topic == "/camera/image_raw/compressed" for topic, _ in before]
    assert not any(a.problem for a in found)


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_who_breaks_off_leaves_an_engine_that_can_go_on(street: Path, model: Path, card: ModelCard, name: str) -> None:
    """As a full disk does: frames are still in the engine when the pipeline is closed."""
    pytest.importorskip(name, reason=f"{name} is not installed: pip install {name}")
    engine = create(name, model, size=SIZE_HW)
    with BagReader(street) as reader:
        some = answers(reader, engine, card)
        assert next(some).problem is None
        some.close()  # type: ignore[attr-defined]
    assert engine.infer(np.zeros((*SIZE_HW, 3), np.uint8)).labels.shape == SIZE_HW
    engine.close()


class Failing:
    """An engine whose runtime fails on the third frame."""

    def __init__(self, engine: Engine) -> None:
        self.info = engine.info

    def infer_many(self, images: Iterator[U8], **_: object) -> Iterator[Inference]:
        for number, image in enumerate(images):
            if number == 2:
                raise EngineError("the runtime failed on a frame")
            yield Inference(np.zeros(image.shape[:2], np.uint8), None)


def test_an_engine_that_fails_ends_it(street: Path, engine: Engine, card: ModelCard) -> None:
    with BagReader(street) as reader, pytest.raises(EngineError, match="failed on a frame"):
        list(answers(reader, Failing(engine), card))  # type: ignore[arg-type]
