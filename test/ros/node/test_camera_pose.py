"""The camera's pose from parameters and TF, and its calibration from CameraInfo."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from geometry_msgs.msg import TransformStamped
from planning_frames import (
    PARAMETERS,
    POSE,
    calibration,
    frame,
    rows,
    scenes,
)
from rclpy.time import Time
from std_msgs.msg import Header

from enet_ros.camera import CameraPose
from enet_ros.messages import intrinsics
from enet_ros.products.lens import GeometryError, Reason
from enet_ros.ros.messages import to_stamp
from enet_ros.ros.node.camera_pose import TfPose, from_parameters, from_transform
from enet_ros.ros.parameters import Parameters


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
    ("first_ns", "last_ns", "answers"),
    [
        (0, STAMP_NS, True),
        (0, STAMP_NS + 10**9, True),
        (0, STAMP_NS - 50_000_000, True),
        (0, STAMP_NS - 150_000_000, False),
        (STAMP_NS + 50_000_000, STAMP_NS + 60_000_000, False),  # where the camera was later says nothing of now
    ],
)
def test_the_pose_comes_from_tf(monkeypatch: pytest.MonkeyPatch, first_ns: int, last_ns: int, answers: bool) -> None:
    tf = StandInTf(first_ns, last_ns)
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
