"""Several nodes in one process: each answers its own camera; loaded and unloaded where composition_interfaces is."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

import rclpy
from from_messages import from_image
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import Parameter
from ros_rig import PlainEngine, picture, wait_for
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from enet_ros.errors import ConfigError
from enet_ros.ros import process, qos
from enet_ros.ros.messages import to_image
from enet_ros.ros.node.container import ContainerServices, overridden, parse, shared_arguments
from enet_ros.ros.node.host import Host

PLAIN = [Parameter("engine", value="onnxruntime")]


@pytest.fixture
def host(ros: int, plain_engine: type[PlainEngine]) -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


def answers(watcher: Any, namespace: str, label: int) -> Callable[[], bool]:
    """Sends a picture to a camera's node; the function returned says whether its label came back.

    It sends it again now and then: a best-effort subscription misses one that is sent before it has found the camera.
    """
    profile = qos.keep_last(5, "reliable")
    masks: list[Image] = []
    watcher.create_subscription(Image, f"{namespace}/segmentation/mask", masks.append, profile)
    camera = watcher.create_publisher(Image, f"{namespace}/image_raw", profile)
    wait_for(lambda: camera.get_subscription_count() == 1)
    image, sent_s = to_image(picture(label), "rgb8", Header(frame_id=namespace)), [-math.inf]

    def answered() -> bool:
        if not masks and time.monotonic() - sent_s[0] > 1:
            camera.publish(image)
            sent_s[0] = time.monotonic()
        return bool(masks) and int(from_image(masks[0])[0, 0]) == label and masks[0].header.frame_id == namespace

    return answered


def test_each_camera_has_its_own_node(host: Host, watcher: Any) -> None:
    numbers = [host.add(namespace=namespace, parameter_overrides=PLAIN) for namespace in ("/front", "/rear")]
    answered = [answers(watcher, "/front", 3), answers(watcher, "/rear", 8)]
    wait_for(lambda: all(done() for done in answered))
    assert PlainEngine.open_engines == 1, "both run on one"
    host.remove(numbers[0])
    assert [node.get_namespace() for node in host.nodes().values()] == ["/rear"]
    wait_for(answers(watcher, "/rear", 5))
    host.add(namespace="/left", parameter_overrides=[*PLAIN, Parameter("threads", value=3)])
    assert PlainEngine.open_engines == 2, "other options, another engine"
    with pytest.raises(KeyError):
        host.remove(numbers[0])


def test_one_camera_changes_its_model_and_the_other_keeps_its_own(host: Host, watcher: Any) -> None:
    numbers = [host.add(namespace=namespace, parameter_overrides=PLAIN) for namespace in ("/front", "/rear")]
    front, rear = (host.nodes()[number] for number in numbers)
    wait_for(answers(watcher, "/front", 3))
    wait_for(answers(watcher, "/rear", 8))
    shared = rear._configured.serving.network.engine._shared
    camvid = Parameter("model", value="camvid")
    assert front.set_parameters([camvid])[0].successful
    wait_for(lambda: front._configured.serving.network.card.name == "camvid" and len(shared._passes) == 1)
    assert PlainEngine.open_engines == 2
    assert rear._configured.serving.network.card.name == "road"
    assert rear._configured.serving.network.engine._shared is shared
    assert rear.set_parameters([camvid])[0].successful
    wait_for(lambda: PlainEngine.open_engines == 1, "the last that leaves frees the old one")
    wait_for(answers(watcher, "/front", 4))
    wait_for(answers(watcher, "/rear", 7))


def test_pages_are_kept_as_the_parameter_says(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bool] = []
    monkeypatch.setattr(process, "keep_pages", lambda: kept.append(True))
    later = Parameter("autostart", value=False)
    host.add("first", parameter_overrides=[later, Parameter("keep_pages", value=False)])
    assert kept == []
    host.add("second", parameter_overrides=[later])
    assert kept == [True]


def test_an_unusable_parameter_is_refused_and_leaves_no_node(host: Host, watcher: Any) -> None:
    with pytest.raises(ConfigError, match="caffe"):
        host.add("ghost", parameter_overrides=[Parameter("engine", value="caffe")])
    assert host.nodes() == {}
    host.add("sound", parameter_overrides=[*PLAIN, Parameter("autostart", value=False)])
    wait_for(lambda: "sound" in watcher.get_node_names())
    assert "ghost" not in watcher.get_node_names()


def test_names_for_the_container_are_not_the_nodes(watcher: Any) -> None:
    """As launch's ComposableNodeContainer starts it, with rules that would rename every node of the process."""
    rules = ["-r", "__node:=pool", "-r", "__ns:=/robot", "-p", "depth:=7", "-p", "autostart:=false"]
    own = ["--node", "rear", "-r image_raw:=/eye/rgb -p depth:=9"]
    command = [sys.executable, "-m", "enet_ros.ros.node.container", "front", *own, "--ros-args", *rules]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            expected = {("pool", "/robot"), ("segmentation", "/front"), ("segmentation", "/rear")}
            wait_for(lambda: expected <= set(watcher.get_node_names_and_namespaces()))
            assert parameter(watcher, "/front/segmentation", "depth") == 7
            assert parameter(watcher, "/rear/segmentation", "depth") == 9
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_node_s_own_arguments_override_those_for_all(host: Host) -> None:
    shared = [
        "--ros-args",
        "-r",
        "image_raw:=/all/rgb",
        "-r",
        "camera_info:=/all/info",
        "-p",
        "depth:=7",
        "-p",
        "max_age:=9.0",
    ]
    arguments = overridden([*shared, "-p", "autostart:=false"], ["-r", "image_raw:=/eye/rgb", "-p", "depth:=9"])
    number = host.add(namespace="/rear", cli_args=arguments, use_global_arguments=False)
    node = host.nodes()[number]
    topics = [node.resolve_topic_name(topic) for topic in ("image_raw", "camera_info")]
    assert topics == ["/eye/rgb", "/all/info"]
    assert (node.parameters.depth, node.parameters.max_age) == (9, 9.0)


@pytest.mark.parametrize(("arguments", "complaint"), [(["my cam"], "my cam"), (["--node", "rear", "-r x"], "rear")])
def test_a_name_or_rule_that_is_none_is_said(ros_domain: int, arguments: list[str], complaint: str) -> None:
    command = [sys.executable, "-m", "enet_ros.ros.node.container", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and f"container: {complaint}: " in ended.stderr and "Traceback" not in ended.stderr


def test_a_node_s_own_arguments_on_the_command_line() -> None:
    assert parse(["front", "--node", "rear", "-r 'a:=b c' -p x:=1"]) == [
        ("front", []),
        ("rear", ["-r", "a:=b c", "-p", "x:=1"]),
    ]
    with pytest.raises(SystemExit):
        parse(["--node", "rear", "'-p"])


def parameter(watcher: Any, node: str, name: str) -> int:
    client = watcher.create_client(GetParameters, f"{node}/get_parameters")
    assert client.wait_for_service(20)
    future = client.call_async(GetParameters.Request(names=[name]))
    wait_for(future.done)
    return int(future.result().values[0].integer_value)


def test_a_command_line_without_the_rules_that_rename() -> None:
    argv = ["container", "front", "--ros-args", "-r", "__ns:=/x", "-r", "pool:__node:=y", "-r", "a:=b", "--", "rear"]
    argv += ["--ros-args", "--params-file", "p.yaml", "--remap", "__name:=z"]
    assert shared_arguments(argv) == ["--ros-args", "-r", "a:=b", "--params-file", "p.yaml"]


RENAMED = """
import rclpy, time
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import Parameter
from types import SimpleNamespace
from enet_ros.ros.node.container import ContainerServices
from enet_ros.ros.node.host import Host

rclpy.init(args=["container", "--ros-args", "-r", "__node:=pool", "-r", "__ns:=/robot"])
host, later = Host(), Parameter("autostart", value=False).to_parameter_msg()
for camera in ("/front", "/rear"):
    request = SimpleNamespace(package_name="enet_ros", plugin_name="enet_ros::EnetNode", node_name="")
    request.parameters, request.node_namespace, request.remap_rules = [later], camera, ["image_raw:=rgb"]
    response = ContainerServices(host).load(request, SimpleNamespace(error_message=""))
    assert response.full_node_name == camera + "/segmentation", response.full_node_name
    node = host.nodes()[response.unique_id]
    assert node.resolve_topic_name("image_raw") == camera + "/rgb"
bad = Parameter("engine", value="nope").to_parameter_msg()
request.parameters, request.node_name = [bad], "ghost"
response = ContainerServices(host).load(request, SimpleNamespace(error_message="", success=False))
assert not response.success and "engine is 'nope'" in response.error_message, response
end_s = time.monotonic() + 10
while "ghost" in node.get_node_names():
    assert time.monotonic() < end_s, node.get_node_names()
host.close()
rclpy.shutdown()
"""


def test_loaded_nodes_keep_their_own_names(ros_domain: int) -> None:
    """Without composition_interfaces: its request and response are plain fields."""
    ended = subprocess.run([sys.executable, "-c", RENAMED], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr


FAILING = """
import sys
from enet_ros.ros.node import container, node

class Failing(node.EnetNode):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.create_timer(0.1, lambda: [][1])

node.EnetNode = Failing
sys.exit(container.main(["front", "rear", "--ros-args", "-p", "autostart:=false"]))
"""


def test_a_node_that_fails_ends_the_process(ros: int) -> None:
    """A camera must not go silent while its neighbour answers: launch starts an ended process again."""
    ended = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "/segmentation has ended" in ended.stderr and "IndexError" in ended.stderr


def call(watcher: Any, kind: type, name: str, **fields: Any) -> Any:
    client = watcher.create_client(kind, f"/enet_container/_container/{name}")
    assert client.wait_for_service(20)
    future = client.call_async(kind.Request(**fields))
    wait_for(future.done)
    return future.result()


def test_nodes_are_loaded_and_unloaded(host: Host, watcher: Any) -> None:
    reason = "composition_interfaces is not installed (apt has it, PyPI does not)"
    services = pytest.importorskip("composition_interfaces.srv", reason=reason)
    node = rclpy.create_node("enet_container")
    ContainerServices(host).serve(node)
    executor = process.make_executor("auto")
    executor.add_node(node)
    stopped = threading.Event()
    thread = threading.Thread(target=process.spin, args=(executor, stopped))
    thread.start()
    try:
        ours = {"package_name": "enet_ros", "plugin_name": "enet_ros::EnetNode"}
        engine = Parameter("engine", value="onnxruntime").to_parameter_msg()
        rules = ["image_raw:=/usb/image_raw"]
        place = {"node_name": "eyes", "node_namespace": "/left", "remap_rules": rules}
        loaded = call(watcher, services.LoadNode, "load_node", **ours, **place, parameters=[engine])
        assert loaded.success and loaded.full_node_name == "/left/eyes", loaded.error_message
        assert host.nodes()[loaded.unique_id]._active._camera.topic == "/usb/image_raw"
        listed = call(watcher, services.ListNodes, "list_nodes")
        assert (list(listed.full_node_names), list(listed.unique_ids)) == (["/left/eyes"], [loaded.unique_id])
        bad = Parameter("engine", value="caffe").to_parameter_msg()
        refused = call(watcher, services.LoadNode, "load_node", **ours, parameters=[bad])
        assert not refused.success and "caffe" in refused.error_message
        for wrong in ({"node_name": "two words"}, {"remap_rules": ["no rule"]}):
            refused = call(watcher, services.LoadNode, "load_node", **ours, **wrong, parameters=[engine])
            assert not refused.success and "nvalid" in refused.error_message, refused.error_message
        other = call(watcher, services.LoadNode, "load_node", package_name="demo", plugin_name="demo::Talker")
        assert not other.success and "enet_ros::EnetNode" in other.error_message
        assert call(watcher, services.UnloadNode, "unload_node", unique_id=loaded.unique_id).success
        assert host.nodes() == {}
        gone = call(watcher, services.UnloadNode, "unload_node", unique_id=loaded.unique_id)
        assert not gone.success and str(loaded.unique_id) in gone.error_message
    finally:
        stopped.set()
        executor.wake()
        thread.join()
        node.destroy_node()
