"""The seam between a frame and what is made of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from from_messages import from_image
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from enet_ros.classes import CAMVID
from enet_ros.codec import decode_ids
from enet_ros.errors import ConfigError
from enet_ros.ros.node.outputs import outputs, pictures
from enet_ros.ros.node.outputs.output import Frame, OutputSilent
from enet_ros.ros.parameters import DEFAULTS
from enet_ros.segmenter import Segmentation


def frame(labels: Any, camera: Any = None, confidence: Any = None, **parameters: Any) -> Frame:
    labels = np.asarray(labels, np.uint8)
    camera = np.zeros((*labels.shape, 3), np.uint8) if camera is None else camera
    answer = Segmentation(labels, confidence, 0, 0, 0)
    return Frame(Header(frame_id="eye"), camera, answer, None, DEFAULTS.changed(parameters))


def test_what_outputs_share_is_made_once() -> None:
    calls: list[Frame] = []

    def shared(one: Frame) -> int:
        calls.append(one)
        return len(calls)

    one, other = frame([[0]]), frame([[0]])
    assert [one.once(shared), one.once(shared), other.once(shared)] == [1, 1, 2]


def test_a_shared_failure_is_everybody_s() -> None:
    calls: list[Frame] = []

    def failing(one: Frame) -> int:
        calls.append(one)
        raise OutputSilent("no pose")

    one = frame([[0]])
    for _ in range(2):
        with pytest.raises(OutputSilent, match="no pose"):
            one.once(failing)
    assert len(calls) == 1


def test_the_picture_has_the_labels_size() -> None:
    camera = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    assert frame(np.zeros((4, 6)), camera).picture is camera
    small = frame(np.zeros((2, 3)), camera).picture
    assert small.shape == (2, 3, 3)
    assert abs(float(small[0, 0, 0]) - camera[:2, :2, 0].mean()) <= 0.5


def test_confidence_is_asked_for_by_who_reads_it() -> None:
    rows = {row.topic: row for row in pictures.outputs(_Setup())}
    gated = DEFAULTS.changed({"min_confidence": 0.5})
    assert rows["~/confidence"].needs_confidence(DEFAULTS)
    assert not rows["~/mask"].needs_confidence(gated)
    assert rows["~/masks/drivable"].needs_confidence(gated) and not rows["~/masks/drivable"].needs_confidence(DEFAULTS)
    assert next(iter(rows)) == "~/mask", "it is what is waited for"


class _Setup:
    node = None
    parameters = DEFAULTS
    classes = CAMVID


def test_groups_leave_out_what_is_unsure() -> None:
    road, car = CAMVID.index("road"), CAMVID.index("car")
    made = pictures.group("drivable", (), CAMVID)
    labels, confidence = [[road, road, car, 255]], np.array([[255, 100, 255, 255]], np.uint8)
    assert made.pixels(frame(labels, confidence=confidence)).tolist() == [[255, 255, 0, 0]]
    gated = frame(labels, confidence=confidence, min_confidence=0.5)
    assert made.pixels(gated).tolist() == [[255, 0, 0, 0]]


def test_colours_and_their_opacity() -> None:
    """CamVid's car is (64, 0, 128), whose red and blue differ."""
    rows = {row.topic: row for row in pictures.outputs(_Setup())}
    camera = np.full((1, 1, 3), (100, 200, 0), np.uint8)
    car = [[CAMVID.index("car")]]
    assert from_image(rows["~/color"].make(frame(car, camera))).tolist() == [[[64, 0, 128]]]
    for opacity, expected in ((0.0, [100, 200, 0]), (0.25, [91, 150, 32]), (1.0, [64, 0, 128])):
        painted = from_image(rows["~/overlay"].make(frame(car, camera, overlay_opacity=opacity)))
        assert painted.tolist() == [[expected]]


def test_a_group_of_a_class_that_is_none() -> None:
    with pytest.raises(ConfigError, match="galleon"):
        pictures.group("ships", ("galleon",), CAMVID)


def test_no_confidence_no_output() -> None:
    with pytest.raises(OutputSilent):
        pictures.confidence(frame([[0]]))
    with pytest.raises(OutputSilent, match="camera_info"):
        pictures.camera_info(frame([[0]]))


def test_a_picture_is_one_idea_raw_and_compressed() -> None:
    """What both need is computed once, and planners do not wait for the compressed ones."""
    rows = outputs(_Setup())
    topics = [row.topic for row in rows]
    images = [row.topic for row in rows if row.type is Image and row.topic != "~/run_length"]
    assert topics[-len(images) :] == [f"{topic}/compressed" for topic in images]
    made: list[Frame] = []
    both = pictures.Picture("~/x", "mono8", lambda one: made.append(one) or one.segmentation.labels)
    one = frame([[7]])
    assert from_image(both.raw().make(one)).tolist() == [[7]]
    assert decode_ids(both.compressed().make(one).data).tolist() == [[7]]
    assert len(made) == 1
