"""Running nodes in a recording, over real DDS."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partialmethod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
pytest.importorskip("rerun", reason="rerun-sdk is not installed")

from ros_rig import Rig, picture, wait_for
from rrd import Recorded
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from enet_ros.camera import CameraPose
from enet_ros.classes import CAMVID
from enet_ros.msg import Latency, SegmentationInfo
from enet_ros.ros.view.main import main
from enet_ros.ros.view.nodes import NodesView, viewing, wanted
from enet_ros.viewer import CameraScene

BASE = "/base/segmentation"
POSE = {"camera_height": 1.5, "camera_pitch": 0.3, "camera_x": 0.4}


@pytest.fixture
def node(rig: Callable[..., Rig]) -> Rig:
    """Active, with a pose; labels are what `picture` says."""
    made = rig(**POSE)
    made.start()
    return made


def drive(rig: Rig, until: Callable[[], Any]) -> None:
    """Send calibrated pictures until something is true."""
    k = [50.0, 0.0, 31.5, 0.0, 50.0, 23.5, 0.0, 0.0, 1.0]
    info = CameraInfo(width=64, height=48, k=k, distortion_model="plumb_bob")

    def sent() -> Any:
        rig.info.publish(info)
        rig.send(picture(3))
        time.sleep(0.05)
        return until()

    wait_for(sent, "what the viewer should show did not come")


def view_into(path: Path, rig: Rig, names: list[str], until: Callable[[NodesView], Any]) -> Recorded:
    """What was seen of the rig's node."""
    with viewing(str(path), names, lambda: pytest.fail("the viewer broke"), rate_hz=5.0) as view:
        drive(rig, lambda: until(view))
    return Recorded(path)


def test_a_node_is_found_and_all_it_says_is_shown(node: Rig, tmp_path: Path) -> None:
    """Three looks: until the camera is known, until what others had is known, and one as they all are."""
    scenes: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CameraScene, "show", partialmethod(_noting, CameraScene.show, scenes))
        found = view_into(tmp_path / "seen.rrd", node, [], lambda view: len(scenes) > 3)
    (blob,) = found.last(f"{BASE}/lens/mask", "buffer")
    assert np.array_equal(np.array(blob, np.uint8), np.full(48 * 64, 3))
    assert found.last(f"{BASE}/lens/picture", "media_type") == ["image/jpeg"]
    assert found.last("/confidence/segmentation", "blob")
    (translation,) = found.last(f"{BASE}/lens", "translation")
    (matrix,) = found.last(f"{BASE}/lens", "mat3x3")
    pose = CameraPose(1.5, 0.3, x_m=0.4)
    assert translation == pytest.approx(pose.position())
    assert pytest.approx(pose.rotation(), abs=1e-6) == np.array(matrix).reshape(3, 3).T
    assert found.last(f"{BASE}/free_points", "positions")
    assert found.last(f"{BASE}/grid", "cell_size") == [pytest.approx(0.1)]
    texts = [text for row in found.rows("/log/segmentation", "text") for text in row]
    assert any("camvid on onnxruntime" in text for text in texts)
    assert any(text.startswith("not installed, therefore off") for text in texts), "no line of /rosout"


def _noting(scene: CameraScene, show: Callable[..., None], shown: list[Any], seen: Any) -> None:
    show(scene, seen)
    shown.append(seen)


def test_between_two_looks_only_the_smallest_output_is_asked_for(node: Rig, tmp_path: Path) -> None:
    """Whatever else the viewer shows, the node computes for the frames of a look alone."""
    wanted_outputs: set[frozenset[str]] = set()

    def watch(view: NodesView) -> bool:
        outputs = node.node._configured.serving.outputs
        wanted_outputs.add(frozenset(output.topic for output in outputs.wanted()))
        return frozenset({"~/camera_info"}) in wanted_outputs and any("~/confidence" in w for w in wanted_outputs)

    view_into(tmp_path / "seen.rrd", node, [], watch)


def test_images_without_a_stamp_are_not_matched(node: Rig, tmp_path: Path) -> None:
    """Mask and picture of two of them would look like one frame; that is said once."""
    answers: list[Any] = node.listen("latency", Latency)

    def sent(view: NodesView) -> Any:
        node.send(picture(3), header=Header(frame_id="camera_optical_frame"))
        time.sleep(0.05)
        return view.targets() and len(answers) > 20

    with viewing(str(tmp_path / "seen.rrd"), [], lambda: pytest.fail("the viewer broke"), rate_hz=5.0) as view:
        wait_for(lambda: sent(view))
    found = Recorded(tmp_path / "seen.rrd")
    texts = [text for row in found.rows("/log/segmentation", "text") for text in row]
    assert sum(text.startswith("images have no stamp, so none is shown") for text in texts) == 1
    assert not any(entity.startswith(BASE) for entity in found.entities())


def test_a_frame_has_the_classes_of_the_model_that_answered_it(
    node: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said of the next model may come before the last answers of this one are shown."""
    named: list[str] = []
    monkeypatch.setattr(CameraScene, "classes", lambda scene, names, colors: named.append(names[0]))

    def told(view: NodesView) -> bool:
        for target in view.targets():
            early = SegmentationInfo(model_number=2, class_names=["wrong"], class_colors=[0, 0, 0])
            view._views[target]._on_info(early)
        return len(named) > 2

    view_into(tmp_path / "seen.rrd", node, [], told)
    assert set(named) == {CAMVID.names[0]}


def test_other_nodes_are_left_alone(node: Rig, tmp_path: Path) -> None:
    ticks: list[int] = []

    def waited(view: NodesView) -> bool:
        ticks.append(len(view.targets()))
        return len(ticks) > 40

    found = view_into(tmp_path / "seen.rrd", node, ["rear"], waited)
    assert set(ticks) == {0}
    assert not any(entity.startswith("/base") for entity in found.entities())


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        ([], True),
        (["front"], True),
        (["/front/"], True),
        (["front/segmentation"], True),
        (["/"], True),
        (["rear", "front"], True),
        (["fron"], False),
        (["segmentation"], False),
    ],
)
def test_a_node_is_meant_by_its_name_or_its_namespace(names: list[str], meant: bool) -> None:
    assert wanted("/front/segmentation", names) is meant


def test_where_no_node_runs_it_says_so(ros_domain: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--view", str(tmp_path / "seen.rrd"), "--seconds", "0.5"]) == 1
    assert "no segmentation node was seen" in capfd.readouterr().err


def test_a_rate_of_nothing_is_refused(ros_domain: int, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--view", "seen.rrd", "--rate", "0"]) == 1
    assert "--rate 0.0: use a number above 0" in capfd.readouterr().err
