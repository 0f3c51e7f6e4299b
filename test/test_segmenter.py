"""The way of an image through an engine and back, with an engine whose answer can be computed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from enet_ros.card import ModelCard
from enet_ros.classes import VOID, get_table, label_map
from enet_ros.engines.base import Inference
from enet_ros.errors import ConfigError, EngineError, ImageError
from enet_ros.segmenter import Segmenter, stretched
from enet_ros.spec import ENetSpec

SIZE_HW = (24, 32)
ROAD = get_table("camvid").index("road")


class RedEngine:
    """Label = red / 25, confidence = green."""

    def __init__(self, size: tuple[int, int] = SIZE_HW) -> None:
        self.info = SimpleNamespace(name="red", size=size)

    def infer(self, image: np.ndarray, *, confidence: bool = False) -> Inference:
        assert image.shape == (*self.info.size, 3) and image.dtype == np.uint8
        assert image.flags.c_contiguous and image.flags.writeable
        return Inference(image[..., 0] // 25, image[..., 1].copy() if confidence else None)

    def infer_many(self, images: Iterable[np.ndarray], *, confidence: bool = False, in_flight: int = 0) -> Iterator:
        for image in images:
            yield self.infer(np.require(image, requirements=("C", "W")), confidence=confidence)

    def close(self) -> None:
        pass


def card(table: str = "camvid") -> ModelCard:
    classes = get_table(table)
    return ModelCard("red", ENetSpec(num_classes=classes.num_classes), classes, SIZE_HW)


def halves(height: int, width: int) -> np.ndarray:
    """Left half red 60, right half red 110, green 200."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 1] = 200
    image[:, : width // 2, 0], image[:, width // 2 :, 0] = 60, 110
    return image


@pytest.mark.parametrize("size_hw", [(24, 32), (48, 64), (72, 96), (40, 50), (12, 16), (7, 9), (25, 34), (200, 36)])
def test_labels_come_back_at_the_cameras_size(size_hw: tuple[int, int]) -> None:
    height, width = size_hw
    answer = Segmenter(RedEngine(), card()).segment(halves(height, width), confidence=True)
    assert answer.labels.shape == answer.confidence.shape == size_hw
    assert answer.labels.dtype == answer.confidence.dtype == np.uint8
    margin = max(1, -(-width // 16))  # the edge may lie within a pixel of the network
    assert (answer.labels[:, : width // 2 - margin] == 2).all()
    assert (answer.labels[:, width // 2 + margin :] == 4).all()
    assert (answer.confidence == 200).all()


def test_labels_can_stay_at_the_networks_size() -> None:
    answer = Segmenter(RedEngine(), card(), full_resolution=False).segment(halves(48, 64))
    assert answer.labels.shape == SIZE_HW and answer.confidence is None
    assert (answer.labels[:, :16] == 2).all() and (answer.labels[:, 16:] == 4).all()


def test_scaling_back_makes_no_label_that_was_not_there() -> None:
    image = np.random.default_rng(1).integers(0, 256, (*SIZE_HW, 3), dtype=np.uint8)
    small = Segmenter(RedEngine(), card(), full_resolution=False)
    answer = Segmenter(RedEngine(), card()).segment(image.repeat(4, 0).repeat(4, 1))
    assert np.array_equal(answer.labels, small.segment(image).labels.repeat(4, 0).repeat(4, 1))


@pytest.mark.parametrize("full_resolution", [True, False])
def test_the_networks_unlabeled_becomes_void(full_resolution: bool) -> None:
    table = get_table("cityscapes20")
    assert table.void is not None
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32, 0] = 25 * table.void
    image[:, 32:, 0] = 25 * (table.void + 3)
    answer = Segmenter(RedEngine(), card("cityscapes20"), full_resolution=full_resolution).segment(image)
    middle = answer.labels.shape[1] // 2
    assert (answer.labels[:, :middle] == VOID).all() and (answer.labels[:, middle:] == table.void + 3).all()


def test_a_table_without_unlabeled_keeps_every_id() -> None:
    assert (Segmenter(RedEngine(), card()).segment(np.zeros((24, 32, 3), np.uint8)).labels == 0).all()


@pytest.mark.parametrize("full_resolution", [True, False])
@pytest.mark.parametrize("table", ["camvid", "cityscapes20"])
@pytest.mark.parametrize("size_hw", [SIZE_HW, (48, 64)])
def test_answers_outlive_the_next_frame(size_hw: tuple[int, int], table: str, full_resolution: bool) -> None:
    segmenter = Segmenter(RedEngine(), card(table), full_resolution=full_resolution)
    first = segmenter.segment(halves(*size_hw), confidence=True)
    labels, confidence = first.labels.copy(), first.confidence.copy()
    segmenter.segment(np.full((*size_hw, 3), 255, np.uint8), confidence=True)
    assert np.array_equal(first.labels, labels) and np.array_equal(first.confidence, confidence)


@pytest.mark.parametrize("full_resolution", [True, False])
@pytest.mark.parametrize("table", ["camvid", "cityscapes20"])
def test_many_images_and_single_steps_are_the_one_way(table: str, full_resolution: bool) -> None:
    engine = RedEngine()
    segmenter = Segmenter(engine, card(table), full_resolution=full_resolution)
    images = [halves(*size_hw) for size_hw in [(48, 64), SIZE_HW, (50, 33), (7, 9)]]
    many = list(segmenter.segment_many(images, confidence=True))
    assert len(many) == len(images)
    for image, found in zip(images, many, strict=True):
        whole = segmenter.segment(image, confidence=True)
        network_input = np.require(segmenter.prepare(image), requirements=("C", "W"))
        stepped = segmenter.finish(engine.infer(network_input, confidence=True), whole.labels.shape)
        for answer in (found, stepped):
            np.testing.assert_array_equal(answer.labels, whole.labels)
            np.testing.assert_array_equal(answer.confidence, whole.confidence)
    assert all(answer.confidence is None for answer in segmenter.segment_many(images))


def test_ids_can_be_those_of_another_table() -> None:
    ids = label_map(get_table("cityscapes20"), get_table("cityscapes"))
    image = np.zeros((24, 32, 3), np.uint8)
    image[:, 16:, 0] = 25 * 8
    answer = Segmenter(RedEngine(), card("cityscapes20"), ids).segment(image)
    assert (answer.labels[:, :16] == VOID).all() and (answer.labels[:, 16:] == 7).all()


def test_views_of_a_message_are_read_and_left_alone() -> None:
    rows = np.zeros((48, 64 * 3 + 8), np.uint8)
    view = rows[:, : 64 * 3].reshape(48, 64, 3)
    view[:] = halves(48, 64)
    before = rows.copy()
    rows.setflags(write=False)
    for image in (view, view[::2, ::2], view[:24, :32]):
        Segmenter(RedEngine(), card()).segment(image)
    assert np.array_equal(rows, before)


def test_the_stages_are_timed() -> None:
    answer = Segmenter(RedEngine(), card()).segment(halves(240, 320))
    assert min(answer.preprocess_ns, answer.infer_ns, answer.postprocess_ns) > 0


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((24, 32), np.uint8),
        np.zeros((24, 32, 4), np.uint8),
        np.zeros((24, 32, 3), np.float32),
        np.zeros((0, 32, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ImageError, match=r"shape .*pass \(H, W, 3\) uint8 RGB"):
        Segmenter(RedEngine(), card()).segment(image)


def test_an_engine_of_another_size_is_found_out() -> None:
    engine = RedEngine()
    segmenter = Segmenter(engine, card())
    engine.infer = lambda image, confidence: Inference(np.empty((12, 32), np.uint8), None)  # type: ignore[method-assign]
    with pytest.raises(EngineError, match=r"red returned \(12, 32\) uint8, not \(24, 32\)"):
        segmenter.segment(halves(24, 32))


@pytest.mark.parametrize(("source", "limit"), [((96, 128), 0), ((48, 64), 0), ((90, 128), 6), ((72, 100), 12)])
def test_shrinking_is_the_mean_of_what_it_covers(source: tuple[int, int], limit: int) -> None:
    image = np.random.default_rng(2).integers(0, 256, (*source, 3), dtype=np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 2)
    target = np.empty((*SIZE_HW, 3), np.uint8)
    stretched(image, SIZE_HW, target)
    mean = cv2.resize(image, SIZE_HW[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(target.astype(int) - mean).max() <= limit + 1  # halving twice rounds twice


def test_no_pixel_is_skipped() -> None:
    """A single white pixel anywhere in the image leaves a trace."""
    target = np.empty((*SIZE_HW, 3), np.uint8)
    for source in [(36, 48), (48, 90), (70, 100), (96, 128)]:
        for row, column in np.random.default_rng(3).integers(0, source, (60, 2)):
            image = np.zeros((*source, 3), np.uint8)
            image[row, column] = 255
            stretched(image, SIZE_HW, target)
            assert target.any(), (source, row, column)


def answers(caution: float, image: np.ndarray) -> Inference:
    segmenter = Segmenter(RedEngine(), card(), caution=caution)
    return next(segmenter.segment_many([image], confidence=True))


@pytest.mark.parametrize("seed", range(8))
def test_more_caution_leaves_less_road_and_touches_nothing_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*rng.integers(8, 60, 2), 3), dtype=np.uint8)
    plain = answers(0.0, image)
    road = plain.labels == ROAD
    before = road
    for caution in np.sort(rng.random(6)):
        labels, confidence = answers(caution, image)
        assert np.array_equal(confidence, plain.confidence)
        now = labels == ROAD
        assert not (now & ~before).any()
        assert np.array_equal(labels[~road], plain.labels[~road])
        assert (labels[road & ~now] == VOID).all()
        assert np.array_equal(now, road & (confidence >= round(255 * caution)))
        before = now
    assert road.any() and not np.array_equal(before, road)


def test_caution_finds_the_drivable_ids_of_the_network_whatever_the_answer_calls_them() -> None:
    image = np.zeros((*SIZE_HW, 3), np.uint8)
    image[..., 0] = 25 * ROAD + 5
    image[:12, :, 1] = 255
    renamed = np.full(256, VOID, np.uint8)
    renamed[ROAD] = 7
    answer = Segmenter(RedEngine(), card(), renamed, caution=0.5).segment(image)
    assert (answer.labels[:12] == 7).all() and (answer.labels[12:] == VOID).all()


@pytest.mark.parametrize("caution", [-0.1, 1.1, float("nan")])
def test_caution_is_a_probability(caution: float) -> None:
    with pytest.raises(ConfigError, match="caution"):
        Segmenter(RedEngine(), card(), caution=caution)


def test_caution_without_confidence_is_refused() -> None:
    segmenter = Segmenter(RedEngine(), card(), caution=0.5)
    with pytest.raises(EngineError, match="confidence"):
        segmenter.finish(Inference(np.zeros(SIZE_HW, np.uint8), None), SIZE_HW)
