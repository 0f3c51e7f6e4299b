"""Frames through an engine whose answer can be computed by hand, and back in the classes of the truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID, CITYSCAPES, CITYSCAPES20, IDD_LITE, VOID, ClassTable
from enet_ros.engines.base import Inference
from enet_ros.errors import ConfigError
from enet_ros.evaluation import counted_as, predict
from enet_ros.frames import Frame
from enet_ros.spec import ENetSpec

SIZE_HW = (8, 16)


class RedEngine:
    """Label = red, confidence = green."""

    def __init__(self) -> None:
        self.info = SimpleNamespace(name="red", size=SIZE_HW)
        self.seen = 0

    def infer_many(self, images: Iterable[np.ndarray], *, confidence: bool = False, **_: int) -> Iterator[Inference]:
        assert confidence
        for image in images:
            assert image.shape == (*SIZE_HW, 3) and image.flags.c_contiguous
            self.seen += 1
            yield Inference(image[..., 0].copy(), image[..., 1].copy())


def card(table: ClassTable) -> ModelCard:
    return ModelCard("red", ENetSpec(table.num_classes), table, SIZE_HW)


def frame(index: int, factor: int = 1) -> Frame:
    """Columns of red 0..9 and green 200, `factor` times the engine's size."""
    image = np.zeros((8 * factor, 16 * factor, 3), np.uint8)
    image[..., 0] = (np.arange(16 * factor) // factor + index) % 10
    image[..., 1] = 200
    return Frame(f"f{index}", index + 1, image, image[..., 0].copy())


def test_answers_come_in_order_at_the_size_of_the_truth() -> None:
    frames = [frame(index, factor=1 + index % 2) for index in range(70)]
    answers = list(predict(iter(frames), RedEngine(), card(CAMVID), CAMVID))
    assert [answer.frame.name for answer in answers] == [f"f{index}" for index in range(70)]
    for answer in answers:
        assert (answer.labels == answer.frame.truth).all()
        assert answer.confidence is not None and (answer.confidence == 200).all()
    assert len(answers) == 70 and all(answer.seconds > 0 for answer in answers)


def test_frames_are_read_in_chunks_not_all_at_once() -> None:
    read = 0

    def endless() -> Iterator[Frame]:
        nonlocal read
        while True:
            read += 1
            yield frame(read)

    answers = predict(endless(), RedEngine(), card(CAMVID), CAMVID)
    next(answers)
    assert read <= 64


def test_no_frames_no_answers() -> None:
    engine = RedEngine()
    assert list(predict([], engine, card(CAMVID), CAMVID)) == []
    assert engine.seen == 0


def test_void_output_becomes_void() -> None:
    one = frame(0)
    answer = next(predict([one], RedEngine(), card(CITYSCAPES20), CITYSCAPES))
    assert (answer.labels == np.where(one.truth == 0, VOID, one.truth - 1)).all()


def test_a_model_of_other_classes_is_refused() -> None:
    own = ClassTable("own", ("wall", "floor"), ((1, 1, 1), (2, 2, 2)), frozenset())
    with pytest.raises(ConfigError, match=r"they alone have bicyclist, building, car, fence, \.\.\."):
        next(predict([frame(0)], RedEngine(), card(own), CAMVID))


def test_answers_come_in_the_classes_of_coarse_labels() -> None:
    bicyclist, sky, road = (CAMVID.index(name) for name in ("bicyclist", "sky", "road"))
    living, vehicle, far, drivable = (IDD_LITE.index(n) for n in ("living thing", "vehicle", "far object", "drivable"))
    predicted = np.repeat(np.uint8([bicyclist, bicyclist, bicyclist, road]), 4)
    truth = np.repeat(np.uint8([living, vehicle, far, VOID]), 4)
    image = np.zeros((8, 16, 3), np.uint8)
    image[..., 0] = predicted
    one = Frame("rider", 1, image, np.tile(truth, (8, 1)))
    answer = next(predict([one], RedEngine(), card(CAMVID), IDD_LITE))
    assert answer.labels[0, ::4].tolist() == [living, vehicle, living, drivable]
    without_truth = next(predict([one._replace(truth=None)], RedEngine(), card(CAMVID), IDD_LITE))
    assert without_truth.labels[0, ::4].tolist() == [living, living, living, drivable]
    ids, by_truth = counted_as(CAMVID, IDD_LITE)
    assert ids is None and by_truth is not None and by_truth[drivable, sky] == IDD_LITE.index("sky")
