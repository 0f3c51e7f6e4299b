"""Free space, points, grid and run-length code as messages: what they say, who reads them, when they are silent."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from geometry_msgs.msg import TransformStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from enet_ros.camera import CameraPose
from enet_ros.classes import CAMVID, VOID, autoware_ids
from enet_ros.errors import ConfigError
from enet_ros.products import run_length
from enet_ros.products.lens import GeometryError, Reason
from enet_ros.ros import planning, table
from enet_ros.ros.camera_pose import TfPose, from_parameters, from_transform
from enet_ros.ros.messages import intrinsics, to_stamp
from enet_ros.ros.metric_messages import from_occupancy_grid, from_point_cloud
from enet_ros.ros.outputs import Frame, Output, Setup
from enet_ros.ros.parameters import Parameters
from enet_ros.ros.publishers import OutputPublishers
from enet_ros.segmenter import Segmentation

sys.path.append(str(Path(__file__).resolve().parents[1] / "products"))
import flat_scenes as scenes

REPO = Path(__file__).resolve().parents[2]
LENS, POSE, WALL_M = scenes.LENSES["plumb_bob"], scenes.POSES["placed"], 8.0
PARAMETERS = Parameters(
    camera_height=POSE.height_m,
    camera_pitch=POSE.pitch_rad,
    camera_roll=POSE.roll_rad,
    camera_yaw=POSE.yaw_rad,
    camera_x=POSE.x_m,
    camera_y=POSE.y_m,
    base_frame="base_footprint",
)


def calibration(**changes: Any) -> CameraInfo:
    info = CameraInfo(width=LENS.width, height=LENS.height, distortion_model=LENS.model, d=list(LENS.d))
    info.k = LENS.k.ravel()
    for name, value in changes.items():
        setattr(info, name, value)
    return info


def labels() -> np.ndarray:
    road, _ = scenes.wall(LENS, POSE, WALL_M)
    return np.where(road, CAMVID.index("road"), CAMVID.index("building")).astype(np.uint8)


def frame(parameters: Parameters = PARAMETERS, info: CameraInfo | None = None, confidence: int = 250) -> Frame:
    header = Header(frame_id="camera_optical_frame")
    header.stamp.sec, header.stamp.nanosec = 17, 400_000_000
    ids = labels()
    answer = Segmentation(ids, np.full(ids.shape, confidence, np.uint8), 0, 0, 0)
    return Frame(header, np.zeros((*ids.shape, 3), np.uint8), answer, info, parameters)


def rows(parameters: Parameters = PARAMETERS) -> dict[str, Output]:
    setup = Setup(None, parameters, CAMVID)  # type: ignore[arg-type]  # the node serves TF alone
    return {output.topic: output for output in planning.outputs(setup)}


def round_trip(message: Any) -> Any:
    """Through CDR: what a subscriber gets."""
    return deserialize_message(serialize_message(message), type(message))


# ---- what they say ----------------------------------------------------------------------------------------------


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


# ---- Nav2's own conditions --------------------------------------------------------------------------------------


def nav2_accepts_grid(message: Any) -> bool:
    """The conditions of nav2_ros_common/validate_messages.hpp for nav_msgs/OccupancyGrid, in its order."""
    if message.header.stamp.nanosec >= 1_000_000_000 or not message.header.frame_id:
        return False
    position, q = message.info.origin.position, message.info.origin.orientation
    if not all(map(math.isfinite, (position.x, position.y, position.z, q.x, q.y, q.z, q.w))):
        return False
    if abs(q.x * q.x + q.y * q.y + q.z * q.z + q.w * q.w - 1.0) >= 1e-4:
        return False
    if not math.isfinite(message.info.resolution) or message.info.resolution < 1e-6:
        return False
    width, height = message.info.width, message.info.height
    if width == 0 or height == 0 or width > 32767 or height > 32767 or width * height >= 2**32:
        return False
    return len(message.data) == width * height


@pytest.mark.parametrize(
    "grid",
    [
        {},
        {"grid_resolution": 0.05, "grid_length": 50.0, "grid_width": 8.0},
        {"grid_resolution": 10.0, "grid_length": 10.0, "grid_width": 10.0},
        {"grid_resolution": 0.3, "grid_length": 20.0, "grid_width": 10.0},
    ],
)
def test_nav2_accepts_every_grid_the_parameters_allow(grid: dict[str, float]) -> None:
    message = rows(PARAMETERS.changed(grid))["~/occupancy_grid"].make(frame(info=calibration()))
    assert nav2_accepts_grid(round_trip(message))


def test_nav2_s_conditions_are_real() -> None:
    message = rows()["~/occupancy_grid"].make(frame(info=calibration()))
    message.header.frame_id = ""
    assert not nav2_accepts_grid(message)


@pytest.mark.parametrize(
    "values",
    [
        {"grid_resolution": 0.01, "grid_length": 1000.0},
        {"grid_resolution": 10.0, "grid_width": 1.0},
        {"base_frame": ""},
    ],
)
def test_a_grid_nobody_could_read_fails_the_configuration(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        rows(PARAMETERS.changed(values))


def test_the_recipes_name_topics_that_there_are() -> None:
    text = (REPO / "docs" / "planning.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        assert yaml.safe_load(block)
    published = {output.topic.removeprefix("~") for output in table.outputs(Setup(None, PARAMETERS, CAMVID))}  # type: ignore[arg-type]
    named = set(re.findall(r"/segmentation(/[a-z_]+)", text)) - {"/pointcloud"}
    assert {"/obstacle_points", "/free_points", "/ground_points", "/mask", "/run_length"} <= named
    assert named <= published | {"/label_info", "/info"}


def test_the_semantic_layer_s_recipe_costs_every_class() -> None:
    text = (REPO / "docs" / "planning.md").read_text()
    (block,) = (b for b in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "class_types" in b)
    camera = yaml.safe_load(block)["semantic_layer"]["camera"]
    assert sorted(n for kind in camera["class_types"] for n in camera[kind]["classes"]) == sorted(CAMVID.names)


# ---- no metres --------------------------------------------------------------------------------------------------


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
    assert len(message.range) == len(message.bearing) == 0
    assert reason.value in asked.notes["~/free_space"]
    assert made["~/run_length"].make(asked).width == 960


def test_a_calibration_that_comes_later_is_taken() -> None:
    made = rows()
    with pytest.raises(GeometryError):
        made["~/obstacle_points"].make(frame())
    assert made["~/obstacle_points"].make(frame(info=calibration())).width > 500
    with pytest.raises(GeometryError):
        made["~/obstacle_points"].make(frame(info=calibration(k=np.zeros(9))))


# ---- calibration and pose ---------------------------------------------------------------------------------------


def test_a_region_of_interest_and_binning_move_the_principal_point() -> None:
    info = calibration()
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 100, 60, 800, 600
    info.binning_x = info.binning_y = 2
    camera = intrinsics(info)
    assert (camera.width, camera.height) == (400, 300)
    np.testing.assert_allclose(camera.k[0], [400, 0, (476 - 100 + 0.5) / 2 - 0.5])
    np.testing.assert_allclose(camera.k[1], [0, 395, (355 - 60 + 0.5) / 2 - 0.5])


def test_a_rectified_image_is_described_by_p() -> None:
    info = calibration()
    info.p = np.array([[700.0, 0, 470, -70], [0, 701, 350, 0], [0, 0, 1, 0]]).ravel()
    camera = intrinsics(info, rectified=True)
    np.testing.assert_array_equal(camera.k, [[700, 0, 470], [0, 701, 350], [0, 0, 1]])
    assert camera.d == ()
    rectified = PARAMETERS.changed({"rectified": True})
    one, other = (rows(p)["~/free_space"].make(frame(p, info)).range for p in (PARAMETERS, rectified))
    assert not np.allclose(one, other, equal_nan=True)


@pytest.mark.parametrize("pose", [*scenes.POSES.values(), CameraPose(0.4, 1.2, -0.4, 1.0, 2.0, -2.5)])
def test_a_transform_gives_the_same_pose(pose: CameraPose) -> None:
    m = pose.rotation()
    w = math.sqrt(max(0.0, 1 + np.trace(m))) / 2
    x, y, z = np.array([m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]]) / (4 * w)
    found = from_transform(pose.position(), (x, y, z, w))
    np.testing.assert_allclose(found.rotation(), pose.rotation(), atol=1e-9)
    np.testing.assert_allclose(found.position(), pose.position())
    assert found.pitch_rad == pytest.approx(pose.pitch_rad)
    assert found.roll_rad == pytest.approx(pose.roll_rad)


@pytest.mark.parametrize("quaternion", [(0, 0, 0, 0), (float("nan"), 0, 0, 1)])
def test_a_transform_that_is_none_is_refused(quaternion: tuple[float, ...]) -> None:
    with pytest.raises(GeometryError) as caught:
        from_transform((0, 0, 1), quaternion)
    assert caught.value.reason is Reason.NOT_FINITE


def test_height_zero_means_unknown() -> None:
    assert from_parameters(Parameters()) is None
    assert from_parameters(PARAMETERS) == POSE


def test_tf_without_tf2_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tf2_ros", None)  # as where it is not installed
    made = rows(PARAMETERS.changed({"use_tf": True}))
    with pytest.raises(GeometryError, match="tf2_ros") as caught:
        made["~/obstacle_points"].make(frame(info=calibration()))
    assert caught.value.reason is Reason.NO_POSE


class StandInTf:
    """The names and signatures of tf2_ros that are used; its compiled core is not among the wheels."""

    class TransformException(Exception):
        pass

    class ExtrapolationException(TransformException):
        pass

    def __init__(self, first_ns: int, last_ns: int) -> None:
        self.listeners = 0
        tf = self

        class Buffer:
            def lookup_transform(self, target_frame: str, source_frame: str, time: Time) -> TransformStamped:
                if (target_frame, source_frame) != ("base_footprint", "camera_optical_frame"):
                    raise tf.TransformException(f"{source_frame} is not connected to {target_frame}")
                at = time.nanoseconds or last_ns  # time 0 asks for the last there is
                if not first_ns <= at <= last_ns:
                    raise tf.ExtrapolationException("extrapolation into the future")
                found = TransformStamped()
                found.header.stamp = to_stamp(at)
                found.transform.translation.z = 1.5
                q = found.transform.rotation  # optical axes over the base frame's, level
                q.x, q.y, q.z, q.w = -0.5, 0.5, -0.5, 0.5
                return found

        class TransformListener:
            def __init__(self, buffer: Buffer, node: object) -> None:
                tf.listeners += 1

        self.Buffer, self.TransformListener = Buffer, TransformListener


STAMP_NS = 17_400_000_000


@pytest.mark.parametrize(
    ("last_ns", "answers"),
    [(STAMP_NS, True), (STAMP_NS + 10**9, True), (STAMP_NS - 50_000_000, True), (STAMP_NS - 150_000_000, False)],
)
def test_the_pose_comes_from_tf(monkeypatch: pytest.MonkeyPatch, last_ns: int, answers: bool) -> None:
    tf = StandInTf(0, last_ns)
    monkeypatch.setitem(sys.modules, "tf2_ros", tf)
    node = SimpleNamespace()
    pose = [TfPose(node) for _ in range(2)][-1]  # type: ignore[arg-type]
    assert tf.listeners == 1
    header = frame().header
    if answers:
        found = pose.at(header, "base_footprint")
        np.testing.assert_allclose(found.rotation(), CameraPose(1.5).rotation(), atol=1e-9)
        assert found.height_m == 1.5
    else:
        with pytest.raises(GeometryError, match="extrapolation"):
            pose.at(header, "base_footprint")


def test_what_tf_does_not_connect_has_no_pose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tf2_ros", StandInTf(0, STAMP_NS))
    pose = TfPose(SimpleNamespace())  # type: ignore[arg-type]
    with pytest.raises(GeometryError, match="not connected") as caught:
        pose.at(Header(frame_id="somewhere"), "base_footprint")
    assert caught.value.reason is Reason.NO_POSE
    with pytest.raises(GeometryError, match="frame_id is empty"):
        pose.at(Header(), "base_footprint")


# ---- over DDS ---------------------------------------------------------------------------------------------------


def spin_until(executor: SingleThreadedExecutor, done: Callable[[], bool]) -> None:
    for _ in range(600):
        if done():
            return
        executor.spin_once(timeout_sec=0.05)
    pytest.fail("nothing arrived")


def test_planners_hear_them(ros: int) -> None:
    """A late costmap gets the latched grid; each subscriber's QoS is what Nav2 and Autoware ask for."""
    node, planner = Node("segmentation"), Node("planner")
    publishers = OutputPublishers(node, planning.outputs(Setup(node, PARAMETERS, CAMVID)), PARAMETERS)
    executor = SingleThreadedExecutor()
    executor.add_node(planner)
    best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    latched = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    heard: dict[str, list[Any]] = {}
    outputs = {output.topic: output for output in planning.outputs(Setup(node, PARAMETERS, CAMVID))}

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
    publishers.destroy()
    executor.shutdown()
    node.destroy_node()
    planner.destroy_node()


def test_void_is_unknown_to_autoware() -> None:
    ids = np.full((4, 4), VOID, np.uint8)
    assert run_length.decode(run_length.encode(ids, autoware_ids(CAMVID)), 4, 4).max() == 0
