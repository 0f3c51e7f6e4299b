"""What each argument of the launch files reaches, with a stand-in for launch: test_launch.py has the real one."""

from __future__ import annotations

from typing import Any

import pytest
from launch_stand_in import SHARE, execute

from enet_ros.errors import ConfigError
from enet_ros.ros.launch_arguments import flag, number
from enet_ros.ros.node.container import parse
from enet_ros.ros.parameters import DEFAULTS


def node(patch: pytest.MonkeyPatch, *arguments: str) -> dict[str, Any]:
    (only,) = execute(patch, "segment.launch.py", *arguments).nodes
    return only


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    started = node(monkeypatch)
    assert (started["package"], started["executable"], started["name"]) == ("enet_ros", "segment", "segmentation")
    assert started["parameters"] == [f"{SHARE}/config/segment.yaml", {"use_sim_time": False, "autostart": True}]
    assert dict(started["remappings"]) == {
        "image_raw": "image_raw",
        "image_raw/compressed": "image_raw/compressed",
        "camera_info": "camera_info",
    }
    assert (started["respawn"], started["respawn_delay"], started["namespace"]) == (False, 2.0, "")
    assert started["ros_arguments"] == ["--log-level", "info"]


@pytest.mark.parametrize(
    ("argument", "parameters"),
    [
        ("model:=mine.onnx", {"model": "mine.onnx"}),
        ("engine:=onnxruntime", {"engine": "onnxruntime"}),
        ("precision:=fp16", {"precision": "fp16"}),
        ("device:=0", {"device": "0"}),
        ("threads:=3", {"threads": 3}),
        ("max_rate:=5", {"max_rate": 5.0}),
        ("priority:=0.5", {"priority": 0.5}),
        ("input_size:=480x360", {"input_height": 360, "input_width": 480}),
        ("image_transport:=compressed", {"image_transport": "compressed"}),
        ("use_sim_time:=True", {"use_sim_time": True}),
        ("autostart:=false", {"autostart": False}),
    ],
)
def test_arguments_that_are_parameters(
    monkeypatch: pytest.MonkeyPatch, argument: str, parameters: dict[str, Any]
) -> None:
    given = node(monkeypatch, argument)["parameters"][-1]
    assert given == {"use_sim_time": False, "autostart": True} | parameters
    assert DEFAULTS.changed({name: value for name, value in given.items() if name != "use_sim_time"})


def test_other_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["image:=/eye/rgb", "camera_info:=/eye/info", "namespace:=front", "params_file:=a.yaml"]
    arguments += ["pose_file:=b.yaml", "respawn:=true", "respawn_delay:=0.5", "log_level:=debug"]
    started = node(monkeypatch, *arguments)
    assert dict(started["remappings"]) == {
        "image_raw": "/eye/rgb",
        "image_raw/compressed": "/eye/rgb/compressed",
        "camera_info": "/eye/info",
    }
    assert started["parameters"][:2] == ["a.yaml", "b.yaml"]
    assert (started["respawn"], started["respawn_delay"], started["namespace"]) == (True, 0.5, "front")
    assert started["ros_arguments"] == ["--log-level", "debug"]


@pytest.mark.parametrize("file", ["segment.launch.py", "multi_camera.launch.py"])
def test_every_argument_is_described(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    declared = execute(monkeypatch, file).declared
    wanted = {
        "image",
        "camera_info",
        "image_transport",
        "model",
        "engine",
        "precision",
        "device",
        "threads",
        "input_size",
    }
    wanted |= {"params_file", "pose_file", "use_sim_time", "autostart", "respawn", "respawn_delay", "log_level"}
    assert wanted | {"segment.launch.py": {"namespace"}, "multi_camera.launch.py": {"cameras", "container"}}[
        file
    ] <= set(declared)
    assert all(declared.values())
    if file == "multi_camera.launch.py":
        assert all(declared[name].startswith("For every camera: ") for name in wanted)


def test_cameras_share_arguments_and_have_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = "cameras:=[front, {namespace: rear, image_transport: compressed, model: other}, left]"
    arguments = (cameras, "container:=false", "model:=mine", "respawn_delay:=7")
    nodes = execute(monkeypatch, "multi_camera.launch.py", *arguments).nodes
    assert [started["namespace"] for started in nodes] == ["front", "rear", "left"]
    assert [started["parameters"][-1].get("model") for started in nodes] == ["mine", "other", "mine"]
    assert [started["parameters"][-1].get("image_transport") for started in nodes] == [None, "compressed", None]
    assert {started["respawn_delay"] for started in nodes} == {7.0}


def test_cameras_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = "cameras:=[front, {namespace: rear, image: /eye/rgb, model: 7, max_rate: 5}]"
    arguments = (cameras, "model:=my models/a.onnx", "threads:=2", "respawn:=true", "pose_file:=b.yaml")
    (started,) = execute(monkeypatch, "multi_camera.launch.py", *arguments).nodes
    assert (started["package"], started["executable"]) == ("enet_ros", "container")
    assert started["ros_arguments"] == ["--log-level", "info"] and started["respawn"] is True
    (front, of_front), (rear, of_rear) = parse(started["arguments"])
    assert (front, rear) == ("front", "rear")
    assert of_front[:4] == ["--params-file", f"{SHARE}/config/segment.yaml", "--params-file", "b.yaml"]
    assert "image_raw/compressed:=image_raw/compressed" in of_front and "image_raw:=/eye/rgb" in of_rear
    assert {"use_sim_time:=false", "threads:=2", 'model:="my models/a.onnx"'} <= set(of_front)
    assert {"max_rate:=5.0", 'model:="7"', "threads:=2"} <= set(of_rear)


@pytest.mark.parametrize(
    ("file", "argument", "complaint"),
    [
        ("segment.launch.py", "imge:=x", "no launch argument 'imge': did you mean 'image'"),
        ("multi_camera.launch.py", "respwan:=true", "no launch argument 'respwan': did you mean 'respawn'"),
        ("multi_camera.launch.py", "namespace:=x", "no launch argument 'namespace'"),
        ("multi_camera.launch.py", "cameras:=[{namespace: a, imge: b}]", "camera 'a': there is no argument 'imge'"),
        ("multi_camera.launch.py", "cameras:=[{namespace: a, respawn: true}]", "camera 'a' sets respawn"),
        ("multi_camera.launch.py", "container:=1", "container is '1': give true or false"),
        ("segment.launch.py", "input_size:=480", "write WIDTHxHEIGHT"),
        ("segment.launch.py", "threads:=two", "threads is 'two': give an integer"),
        ("segment.launch.py", "respawn_delay:=soon", "respawn_delay is 'soon': give a number"),
        ("segment.launch.py", "respawn:=yes", "respawn is 'yes': give true or false"),
    ],
)
def test_unusable_arguments(monkeypatch: pytest.MonkeyPatch, file: str, argument: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        execute(monkeypatch, file, argument)


def test_arguments_of_a_file_that_includes_ours_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import launch_stand_in

    launch_stand_in.install(monkeypatch)
    monkeypatch.setattr("sys.argv", ["ros2", "launch", "robot", "bringup.launch.py", "imges:=3"])
    context = launch_stand_in.Context()
    source = str(SHARE / "launch" / "segment.launch.py")
    launch_stand_in.IncludeLaunchDescription(source, launch_arguments=[("namespace", "eye")]).execute(context)
    assert context.nodes[0]["namespace"] == "eye"


def test_true_and_false_in_any_case() -> None:
    assert [flag("respawn", text) for text in ("true", "True", "false", "False")] == [True, True, False, False]
    for text in ("yes", "1", ""):
        with pytest.raises(ConfigError, match=f"respawn is '{text}': give true or false"):
            flag("respawn", text)
    assert number("threads", "4", int) == 4
