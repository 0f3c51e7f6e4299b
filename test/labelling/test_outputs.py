"""Answers whose values are known: void, sizes that do not divide, calibrations that change, QoS that is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from enet_ros.bags import BagReader, BagWriter
from enet_ros.bags.messages import (
    CAMERA_INFO,
    COMPRESSED,
    FREE_SPACE,
    IMAGE,
    camera_frame,
    camera_info_cdr,
    from_cdr,
    image_cdr,
    label_image,
    to_cdr,
)
from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID12, VOID
from enet_ros.engines.base import Engine, EngineInfo, Inference
from enet_ros.labelling import BagOptions, OutputSettings, label
from enet_ros.labelling.outputs import KINDS, LATCHED
from enet_ros.messages import Header, RegionOfInterest, camera_info
from enet_ros.products.free_space import FreeSpace
from enet_ros.products.ground import ground
from enet_ros.products.images import Surface
from enet_ros.products.points import boundary_xy, range_and_bearing
from enet_ros.segmenter import Segmenter
from enet_ros.spec import ENetSpec

SIZE_HW, IMAGE_HW = (24, 32), (48, 64)
POSE = CameraPose(1.5, 0.1)
VOID_CARD = ModelCard("void", ENetSpec(12), CAMVID12, SIZE_HW)
"""Of a model whose classes have an output for unlabelled pixels."""
METRES = OutputSettings(("free_space",), POSE)
ROAD, BUILDING, UNLABELLED = (CAMVID12.index(name) for name in ("road", "building", "unlabelled"))
CAMERA, CALIBRATION = "/camera/image_raw", "/camera/camera_info"


def scene() -> np.ndarray:
    """Road below, building above it; unlabelled pixels at the upper left, and in the bottom rows of four columns."""
    labels = np.full(SIZE_HW, BUILDING, np.uint8)
    labels[14:] = ROAD
    labels[:6, :10] = UNLABELLED
    labels[16:, 12:16] = UNLABELLED
    return labels


class Stub:
    """An engine that sees the same scene in every image."""

    def __init__(self) -> None:
        self.info = EngineInfo("stub", "Stub 1", "CPU", "fp32", SIZE_HW, 1, 0.0)

    def infer_many(self, images: Iterable[np.ndarray], **_: object) -> Iterator[Inference]:
        for image in images:
            assert image.shape == (*SIZE_HW, 3)
            yield Inference(scene(), None)


def bag(path: Path, size_hw: tuple[int, int], calibrations: list[memoryview | None]) -> Path:
    """A raw camera: before each image its CameraInfo, where there is one."""
    with BagWriter(path) as writer:
        writer.add_topic(CAMERA, IMAGE)
        writer.add_topic(CALIBRATION, CAMERA_INFO)
        for number, calibration in enumerate(calibrations, start=1):
            if calibration is not None:
                writer.write(CALIBRATION, 10 * number, calibration)
            rgb = np.full((*size_hw, 3), 40, np.uint8)
            writer.write(CAMERA, 10 * number + 1, image_cdr(Header(10 * number, "camera"), rgb, "rgb8"))
    return path


def lens(focal: float = 30.0) -> CameraIntrinsics:
    height, width = IMAGE_HW
    return CameraIntrinsics(width, height, np.array([[focal, 0, 31.5], [0, focal, 23.5], [0, 0, 1]]))


def info(focal: float = 30.0) -> memoryview:
    return camera_info_cdr(Header(1, "camera"), lens(focal))


def data_of(path: Path, topic: str) -> list[bytes]:
    with BagReader(path) as reader:
        return [message.data for message in reader.messages((f"/camera/segmentation/{topic}",))]


def ranges(path: Path) -> list[np.ndarray]:
    return [np.array(from_cdr(FREE_SPACE, data).range) for data in data_of(path, "free_space")]


def expected_range(camera: CameraIntrinsics) -> np.ndarray:
    """(20,) metres of the road's upper edge, in columns that begin with road."""
    height, width = IMAGE_HW
    space = FreeSpace(np.full(width, 14 * height // SIZE_HW[0], np.int32), np.zeros(width, np.uint8))
    return range_and_bearing(boundary_xy(space, ground(camera, POSE, IMAGE_HW)))[0][:20]


@pytest.mark.parametrize("size_hw", [SIZE_HW, IMAGE_HW, (31, 43), (17, 90)])
@pytest.mark.parametrize("full_overlay", [True, False])
def test_the_models_void_is_void_in_every_output(tmp_path: Path, size_hw: tuple[int, int], full_overlay: bool) -> None:
    source = bag(tmp_path / "in", size_hw, [None])
    label(source, tmp_path / "out", VOID_CARD, Stub(), OutputSettings(KINDS, quality=100, full_overlay=full_overlay))
    (mask,) = (label_image(IMAGE, data)[1] for data in data_of(tmp_path / "out", "mask"))
    rows, columns = (
        np.floor((np.arange(full) + 0.5) * small / full).astype(int)
        for full, small in zip(size_hw, SIZE_HW, strict=True)
    )
    expected = np.where(scene() == UNLABELLED, VOID, scene())[np.ix_(rows, columns)]
    np.testing.assert_array_equal(mask, expected)
    (overlay,) = (camera_frame(COMPRESSED, data).rgb for data in data_of(tmp_path / "out", "overlay/compressed"))
    assert overlay.shape[:2] == (size_hw if full_overlay else SIZE_HW)
    assert np.abs(overlay[1, 1].astype(int) - 40).max() <= 3  # the camera's pixel, not a colour
    assert np.abs(overlay[-1, -1].astype(int) - 40).max() > 10
    (space,) = (from_cdr(FREE_SPACE, data) for data in data_of(tmp_path / "out", "free_space"))
    doubtful = expected[-1] == VOID
    assert doubtful.any() and (space.boundary_row[doubtful] == size_hw[0]).all()
    assert (space.ends_at[doubtful] == Surface.UNKNOWN).all() and (space.ends_at[~doubtful] == Surface.UPRIGHT).all()


@pytest.mark.parametrize("size_hw", [(101, 77), (120, 150)])
def test_masks_of_sizes_that_do_not_divide_are_the_segmenters(
    card: ModelCard, engine: Engine, tmp_path: Path, size_hw: tuple[int, int]
) -> None:
    rgb = np.random.default_rng(5).integers(0, 256, (*size_hw, 3), np.uint8)
    with BagWriter(tmp_path / "in") as writer:
        writer.add_topic(CAMERA, IMAGE)
        writer.write(CAMERA, 1, image_cdr(Header(1, "camera"), rgb, "rgb8"))
    label(tmp_path / "in", tmp_path / "out", card, engine, OutputSettings(("mask",)))
    (mask,) = (label_image(IMAGE, data)[1] for data in data_of(tmp_path / "out", "mask"))
    expected = Segmenter(engine, card).segment(rgb).labels
    np.testing.assert_array_equal(mask, expected)
    assert len(np.unique(expected)) > 1


def test_metres_follow_a_calibration_that_changes(tmp_path: Path) -> None:
    """A zoom lens: each image has the metres of the last CameraInfo before it; before the first, that one serves."""
    source = bag(tmp_path / "in", IMAGE_HW, [None, info(30), None, info(60), None])
    label(source, tmp_path / "out", VOID_CARD, Stub(), METRES)
    found = ranges(tmp_path / "out")
    for range_m, focal in zip(found, [30, 30, 30, 60, 60], strict=True):
        np.testing.assert_array_equal(range_m[:20], expected_range(lens(focal)))
    assert not np.allclose(found[0][:20], found[4][:20])


def test_a_run_that_goes_on_knows_the_calibration_it_had(tmp_path: Path) -> None:
    """The CameraInfo that changed it is in a segment that is finished."""
    source = bag(tmp_path / "in", IMAGE_HW, [info(30), info(60), None, None, None, None])
    done = 0

    def advance(messages: int) -> None:
        nonlocal done
        done += messages
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label(source, tmp_path / "out", VOID_CARD, Stub(), METRES, BagOptions(checkpoint=1), advance=advance)
    assert label(source, tmp_path / "out", VOID_CARD, Stub(), METRES, BagOptions(checkpoint=1)).resumed > 3
    for range_m, focal in zip(ranges(tmp_path / "out"), [30, 60, 60, 60, 60, 60], strict=True):
        np.testing.assert_array_equal(range_m[:20], expected_range(lens(focal)))


def test_a_region_of_interest_and_binning_count(tmp_path: Path) -> None:
    """The image is the lower half of a sensor, binned by two."""
    sensor = CameraIntrinsics(128, 192, np.array([[60, 0, 63.5], [0, 60, 143.5], [0, 0, 1.0]]))
    region = RegionOfInterest(x_offset=0, y_offset=96, height=96, width=128)
    value = camera_info(sensor, sensor.height, sensor.width)._replace(roi=region, binning_x=2, binning_y=2)
    source = bag(tmp_path / "in", IMAGE_HW, [to_cdr(Header(1, "camera"), value)])
    label(source, tmp_path / "out", VOID_CARD, Stub(), METRES)
    (found,) = ranges(tmp_path / "out")
    np.testing.assert_allclose(found[:20], expected_range(lens(30)), rtol=1e-6)


def test_an_unreadable_calibration_is_reported_and_the_last_one_stays(tmp_path: Path) -> None:
    source = bag(tmp_path / "in", IMAGE_HW, [info(), info()[:40]])
    result = label(source, tmp_path / "out", VOID_CARD, Stub(), METRES)
    (problem,) = result.problems
    assert problem.startswith(f"message 1 of {CALIBRATION}: 40 bytes are")
    first, second = ranges(tmp_path / "out")
    np.testing.assert_array_equal(first, second)


def test_an_uncalibrated_camera_is_told_apart_from_one_without_camera_info(tmp_path: Path) -> None:
    source = bag(tmp_path / "in", IMAGE_HW, [to_cdr(Header(1, "camera"), camera_info(None, *IMAGE_HW))])
    result = label(source, tmp_path / "out", VOID_CARD, Stub(), METRES)
    assert "the camera is not calibrated" in result.notes[0]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_copied_topics_keep_their_qos(tmp_path: Path, storage: str) -> None:
    with BagWriter(tmp_path / "in", storage=storage) as writer:
        writer.add_topic(CAMERA, IMAGE)
        writer.add_topic(CALIBRATION, CAMERA_INFO, qos=(LATCHED,))  # said once, at the start
        writer.write(CALIBRATION, 1, info())
        rgb = np.zeros((*IMAGE_HW, 3), np.uint8)
        writer.write(CAMERA, 2, image_cdr(Header(2, "camera"), rgb, "rgb8"))
    label(tmp_path / "in", tmp_path / "out", VOID_CARD, Stub(), OutputSettings(("mask",)), BagOptions(storage=storage))
    offered = {}
    for name in ("in", "out"):
        with BagReader(tmp_path / name) as reader:
            offered[name] = {t.name: t.connection.ext.offered_qos_profiles for t in reader.topics}  # type: ignore[union-attr]
    assert [profile.durability for profile in offered["in"][CALIBRATION]] == [LATCHED.durability]
    for topic, profiles in offered["in"].items():
        assert offered["out"][topic] == profiles
    assert list(offered["out"]["/camera/segmentation/info"]) == [LATCHED]
    assert all(p.durability != LATCHED.durability for p in offered["out"]["/camera/segmentation/mask"])
