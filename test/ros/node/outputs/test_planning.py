"""Free space, points, grid and run-length code as messages: what they say, and when they are silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from from_messages import from_occupancy_grid, from_point_cloud
from planning_frames import (
    LENS,
    PARAMETERS,
    POSE,
    WALL_M,
    calibration,
    frame,
    nav2_accepts_grid,
    round_trip,
    rows,
    scenes,
)
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo

from enet_ros.classes import CAMVID, VOID, autoware_ids
from enet_ros.products import run_length
from enet_ros.products.lens import GeometryError, Reason
from enet_ros.ros import qos
from enet_ros.ros.node.outputs import OutputPublishers, Setup, planning
from enet_ros.ros.parameters import Parameters


def test_free_space_tells_the_distance_of_the_wall() -> None:
    message = round_trip(rows()["~/free_space"].make(frame(info=calibration())))
    _, truth = scenes.wall(LENS, POSE, WALL_M)
    assert (message.height, message.width) == (720, 960)
    assert (message.column_offset, message.column_step) == (0, 1)
    assert message.header.frame_id == "camera_optical_frame"
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (17, 400_000_000)
    assert message.base_frame == "base_footprint"
    assert len(message.boundary_row) == len(message.ends_at) == len(message.range) == len(message.bearing) == 960
    sees = np.isfinite(truth)
    np.testing.assert_allclose(np.array(message.range)[sees], truth[sees], rtol=0.02)
    x = np.array(message.range) * np.cos(message.bearing)
    np.testing.assert_allclose(x[sees], WALL_M, atol=0.2)
    assert (np.array(message.ends_at)[sees] == message.UPRIGHT).all()


def test_obstacle_points_are_the_wall() -> None:
    message = round_trip(rows()["~/obstacle_points"].make(frame(info=calibration())))
    assert (message.header.frame_id, message.header.stamp.sec) == ("base_footprint", 17)
    assert [(f.name, f.offset, f.datatype, f.count) for f in message.fields] == [
        ("x", 0, 7, 1),
        ("y", 4, 7, 1),
        ("z", 8, 7, 1),
    ]
    assert (message.point_step, message.height, message.is_bigendian, message.is_dense) == (12, 1, False, True)
    assert message.row_step == len(message.data) == 12 * message.width
    points = from_point_cloud(message)
    assert len(points) > 500
    assert np.median(points[:, 0]) == pytest.approx(WALL_M, abs=0.1)
    # The heights in Nav2's sample of an obstacle layer (0.0 to 2.0) and a collision monitor (0.1 to 0.5) let them pass.
    assert (points[:, 2] >= 0.1).all()
    assert (points[:, 2] <= 0.5).all()


def test_free_points_reach_as_far_as_the_wall() -> None:
    message = round_trip(rows()["~/free_points"].make(frame(info=calibration())))
    points = from_point_cloud(message)
    assert message.header.frame_id == "base_footprint"
    assert len(points) > 500
    np.testing.assert_allclose(points[:, 0], WALL_M, atol=0.2)


def test_ground_points_lie_under_the_mask_pixel_by_pixel() -> None:
    asked = frame(info=calibration())
    message = round_trip(rows()["~/ground_points"].make(asked))
    assert (message.height, message.width, message.row_step) == (720, 960, 12 * 960)
    assert message.header.frame_id == "base_footprint"
    assert not message.is_dense
    points = from_point_cloud(message)
    told = np.isfinite(points[..., 2])
    road = asked.segmentation.labels == CAMVID.index("road")
    assert (told[road]).all()
    assert points[told & road][:, 0].max() < WALL_M + 0.2
    assert 0 < (told & ~road).sum() <= 3 * 960


def test_the_grid_is_in_the_base_frame() -> None:
    message = round_trip(rows()["~/occupancy_grid"].make(frame(info=calibration())))
    grid = from_occupancy_grid(message)
    assert message.info.resolution == pytest.approx(0.1)
    assert (message.info.width, message.info.height) == (200, 100)
    assert (message.info.origin.position.x, message.info.origin.position.y) == (0.0, -5.0)
    # data[row * width + column]; row 50 is y = 0.05, column 70 is x = 7.05
    assert message.data[50 * 200 + 70] == 0
    assert 100 in message.data[50 * 200 + 78 : 50 * 200 + 83]
    assert message.data[50 * 200 + 100] == -1
    assert set(np.unique(grid)) == {-1, 0, 100}


def test_nothing_is_told_beyond_max_range() -> None:
    """The wall at 8 m is out of a range of 6, and the road is free up to there."""
    short = PARAMETERS.changed({"max_range": 6.0})
    made, asked = rows(short), frame(short, calibration())
    assert made["~/obstacle_points"].make(asked).width == 0
    free = from_point_cloud(made["~/free_points"].make(asked))
    assert len(free) > 500 and np.hypot(free[:, 0], free[:, 1]).max() < WALL_M - 1
    grid = from_occupancy_grid(made["~/occupancy_grid"].make(asked))
    assert 100 not in grid and 0 in grid[:, :60] and 0 not in grid[:, 75:]


def test_short_runs_are_specks_by_min_run() -> None:
    """A building of 12 rows on the road ends free space where runs of 8 count, and not where 20 are asked for."""
    found = []
    for min_run in (8, 20):
        parameters = PARAMETERS.changed({"min_run": min_run})
        asked = frame(parameters, calibration())
        asked.segmentation.labels[640:652, 400:500] = CAMVID.index("building")
        found.append(rows(parameters)["~/free_space"].make(asked).boundary_row[450])
    assert found[0] == 652 and found[1] < 640


def test_the_run_length_code_is_a_mono8_image_of_autowares_ids() -> None:
    asked = frame()
    message = round_trip(rows()["~/run_length"].make(asked))
    assert (message.encoding, message.height, message.width, message.step) == ("mono8", 720, 960, 960)
    assert message.header == asked.header
    decoded = run_length.decode(bytes(message.data), message.height, message.width)
    np.testing.assert_array_equal(decoded, autoware_ids(CAMVID)[asked.segmentation.labels])


def test_what_is_shared_is_computed_once() -> None:
    made = rows()
    asked = frame(info=calibration())
    for topic in ("~/free_space", "~/obstacle_points", "~/occupancy_grid"):
        made[topic].make(asked)
    first = planning.Planning(Setup(None, PARAMETERS, CAMVID))  # type: ignore[arg-type]
    one, two = frame(info=calibration()), frame(info=calibration())
    assert one.once(first._ground_of) is two.once(first._ground_of)


def test_unsure_pixels_end_free_space_and_are_unknown_cells() -> None:
    gated = PARAMETERS.changed({"min_confidence": 0.8})
    made, asked = rows(gated), frame(gated, calibration(), confidence=150)
    message = made["~/free_space"].make(asked)
    assert set(message.boundary_row) == {720}
    assert set(message.ends_at) == {message.UNKNOWN}
    assert set(made["~/occupancy_grid"].make(asked).data) == {-1}
    assert made["~/obstacle_points"].make(asked).width == 0
    assert made["~/free_space"].needs_confidence(gated)
    assert not made["~/free_space"].needs_confidence(PARAMETERS)


def no_metres() -> list[Any]:
    zero, nan = calibration(k=np.zeros(9)), calibration(k=np.full(9, np.nan))
    up = PARAMETERS.changed({"camera_pitch": -1.2})
    return [
        pytest.param(PARAMETERS, None, Reason.NO_CAMERA_INFO, id="no camera_info"),
        pytest.param(PARAMETERS, zero, Reason.UNCALIBRATED, id="zero K"),
        pytest.param(PARAMETERS, nan, Reason.NOT_FINITE, id="NaN in K"),
        pytest.param(
            PARAMETERS, calibration(distortion_model="potato"), Reason.UNKNOWN_DISTORTION, id="unknown distortion"
        ),
        pytest.param(up, calibration(), Reason.NO_GROUND, id="horizon below the image"),
        pytest.param(PARAMETERS.changed({"camera_height": 0.0}), calibration(), Reason.NO_POSE, id="no pose"),
    ]


@pytest.mark.parametrize(("parameters", "info", "reason"), no_metres())
def test_metric_outputs_are_silent_and_say_why(parameters: Parameters, info: CameraInfo | None, reason: Reason) -> None:
    made = rows(parameters)
    asked = frame(parameters, info)
    for topic in ("~/obstacle_points", "~/free_points", "~/ground_points", "~/occupancy_grid"):
        with pytest.raises(GeometryError) as caught:
            made[topic].make(asked)
        assert caught.value.reason is reason
    message = round_trip(made["~/free_space"].make(asked))
    assert len(message.boundary_row) == 960
    assert len(message.range) == len(message.bearing) == 0 and message.base_frame == ""
    assert reason.value in asked.notes["~/free_space"]
    assert made["~/run_length"].make(asked).width == 960


def test_a_calibration_of_another_crop_gives_no_metres() -> None:
    """Half the resolution is the same view; a picture of other sides is not."""
    grid = rows()["~/occupancy_grid"].make
    half = calibration(width=LENS.width // 2, height=LENS.height // 2)
    half.k = [value / 2 for value in half.k[:8]] + [1.0]
    assert grid(frame(info=half)).data
    other = calibration(height=LENS.height * 3 // 4)
    with pytest.raises(GeometryError, match="camera_info is of") as caught:
        grid(frame(info=other))
    assert caught.value.reason == Reason.OTHER_IMAGE


def test_a_calibration_that_comes_later_is_taken() -> None:
    made = rows()
    with pytest.raises(GeometryError):
        made["~/obstacle_points"].make(frame())
    assert made["~/obstacle_points"].make(frame(info=calibration())).width > 500
    with pytest.raises(GeometryError):
        made["~/obstacle_points"].make(frame(info=calibration(k=np.zeros(9))))


# ---- over DDS ----


def spin_until(executor: SingleThreadedExecutor, done: Callable[[], bool]) -> None:
    for _ in range(600):
        if done():
            return
        executor.spin_once(timeout_sec=0.05)
    pytest.fail("nothing arrived")


def test_planners_hear_them(ros: int) -> None:
    """A late costmap gets the latched grid; each subscriber's QoS is what Nav2 and Autoware ask for."""
    node, planner = Node("segmentation"), Node("planner")
    outputs = {output.topic: output for output in planning.outputs(Setup(node, PARAMETERS, CAMVID))}
    publishers = OutputPublishers(node, outputs.values(), qos.output(PARAMETERS))
    executor = SingleThreadedExecutor()
    executor.add_node(planner)
    best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    latched = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    heard: dict[str, list[Any]] = {}

    def listen(topic: str, profile: QoSProfile) -> None:
        heard[topic] = []
        name = topic.replace("~", "/segmentation")
        planner.create_subscription(outputs[topic].type, name, heard[topic].append, profile)

    for topic in ("~/free_space", "~/obstacle_points", "~/free_points", "~/ground_points", "~/run_length"):
        listen(topic, best_effort)
    listen("~/occupancy_grid", latched)
    spin_until(executor, lambda: len(publishers.wanted()) == 6)
    asked = frame(info=calibration())
    publishers.publish(asked, publishers.wanted())
    spin_until(executor, lambda: all(heard.values()))
    assert publishers.problems == {}
    assert nav2_accepts_grid(heard["~/occupancy_grid"][0])
    listen("~/occupancy_grid", latched)
    spin_until(executor, lambda: bool(heard["~/occupancy_grid"]))
    publishers.publish(frame(), publishers.wanted())
    assert set(publishers.problems) == set(heard) - {"~/run_length"}
    assert all(Reason.NO_CAMERA_INFO.value in reason for reason in publishers.problems.values())
    spin_until(executor, lambda: len(heard["~/free_space"]) == 2)
    publishers.publish(frame(info=calibration()), publishers.wanted())
    assert publishers.problems == {}
    executor.shutdown()
    node.destroy_node()
    planner.destroy_node()


def test_void_is_unknown_to_autoware() -> None:
    ids = np.full((4, 4), VOID, np.uint8)
    assert run_length.decode(run_length.encode(ids, autoware_ids(CAMVID)), 4, 4).max() == 0
