"""A segmentation node for each camera of one list: all in one process, which share one network, or each in its own.

ros2 launch enet_ros multi_camera.launch.py cameras:="[front, left, right]"
ros2 launch enet_ros multi_camera.launch.py cameras:=my_cameras.yaml model:=camvid
ros2 launch enet_ros multi_camera.launch.py cameras:="[front, rear]" container:=false

The list is YAML, inline or in a file (config/cameras.yaml shows one). An element is a namespace, whose camera
publishes NAMESPACE/image_raw, or a mapping of arguments of segment.launch.py. Other arguments given here hold
for every camera whose mapping does not say otherwise. respawn, respawn_delay and log_level are the process's: with
container:=true a camera's mapping cannot set them.
"""

import json
import os
import runpy
import shlex
from types import SimpleNamespace

import yaml
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from enet_ros.errors import ConfigError, unknown_name
from enet_ros.ros.launch_arguments import flag, refuse_unknown

SEGMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "segment.launch.py")
segment = SimpleNamespace(**runpy.run_path(SEGMENT))
ARGUMENTS = segment.ARGUMENTS
"""Of segment.launch.py, {name: (default, description)}: what a camera's mapping may set."""
PROCESS = ("respawn", "respawn_delay", "log_level")


def generate_launch_description() -> LaunchDescription:
    """The list of cameras, the arguments that hold for all of them, then the nodes."""
    shared = {name: argument for name, argument in ARGUMENTS.items() if name != "namespace"}
    refuse_unknown(__file__, ["cameras", "container", *shared])
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "cameras",
                default_value=PathJoinSubstitution([FindPackageShare("enet_ros"), "config", "cameras.yaml"]),
                description="YAML list of cameras, inline or the path of a file",
            ),
            DeclareLaunchArgument(
                "container",
                default_value="true",
                description="true: all nodes in one process, which share one network; false: a process for each",
            ),
            *(
                DeclareLaunchArgument(name, default_value=default, description=f"For every camera: {description}")
                for name, (default, description) in shared.items()
            ),
            OpaqueFunction(function=_nodes),
        ]
    )


def _nodes(context: LaunchContext) -> list[GroupAction | Node]:
    cameras = _cameras(LaunchConfiguration("cameras").perform(context))
    if flag("container", LaunchConfiguration("container").perform(context)):
        shared = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS if name != "namespace"}
        return [_container(cameras, shared)]
    source = PythonLaunchDescriptionSource(SEGMENT)
    return [GroupAction([IncludeLaunchDescription(source, launch_arguments=camera.items())]) for camera in cameras]


def _container(cameras: list[dict[str, str]], shared: dict[str, str]) -> Node:
    """One process with a node for each camera."""
    arguments = []
    for camera in cameras:
        if own := sorted(set(camera) & set(PROCESS)):
            raise ConfigError(f"camera {camera['namespace']!r} sets {own[0]}: give it for all, or container:=false")
        arguments += ["--node", camera["namespace"], shlex.join(_ros_arguments({**shared, **camera}))]
    return Node(package="enet_ros", executable="container", arguments=arguments, **segment.process(shared))


def _ros_arguments(given: dict[str, str]) -> list[str]:
    """Of one node, as behind --ros-args. Values are JSON, which YAML reads in the same types."""
    pairs = [("--params-file", path) for path in segment.parameter_files(given)]
    pairs += [("-r", f"{name}:={topic}") for name, topic in segment.remappings(given)]
    pairs += [("-p", f"{name}:={json.dumps(value)}") for name, value in segment.parameters(given).items()]
    return [text for pair in pairs for text in pair]


def _cameras(text: str) -> list[dict[str, str]]:
    """segment.launch.py's arguments for each camera; raises ConfigError naming the element that is wrong."""
    if os.path.isfile(text):
        with open(text, encoding="utf-8") as file:
            text = file.read()
    values = yaml.safe_load(text)
    if isinstance(values, dict):
        values = values.get("cameras")
    if not isinstance(values, list) or not values:
        raise ConfigError(f"cameras is {text!r}: give a YAML list such as [front, rear], or a file of one")
    cameras = []
    for value in values:
        camera = {"namespace": value} if isinstance(value, str) else value
        if not isinstance(camera, dict) or not camera.get("namespace"):
            raise ConfigError(f"camera {value!r} has no namespace: give a name, or a mapping with 'namespace'")
        if unknown := sorted(set(camera) - set(ARGUMENTS)):
            raise ConfigError(f"camera {camera['namespace']!r}: {unknown_name('argument', unknown[0], ARGUMENTS)}")
        cameras.append({name: _text(item) for name, item in camera.items()})
    if len({camera["namespace"].strip("/") for camera in cameras}) < len(cameras):
        raise ConfigError(f"cameras {values!r} share a namespace: each needs its own")
    return cameras


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
