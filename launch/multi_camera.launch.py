"""A segmentation node for each camera of one list.

ros2 launch enet_ros multi_camera.launch.py cameras:="[front, left, right]"
ros2 launch enet_ros multi_camera.launch.py cameras:=my_cameras.yaml model:=camvid

The list is YAML, inline or in a file (config/cameras.yaml shows one). An element is a namespace, whose camera
publishes NAMESPACE/image_raw, or a mapping of arguments of segment.launch.py. Other arguments given here hold
for every camera whose mapping does not say otherwise.
"""

import os
import runpy

import yaml
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from enet_ros.errors import ConfigError, unknown_name
from enet_ros.ros.launch_arguments import refuse_unknown

SEGMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "segment.launch.py")
ARGUMENTS = runpy.run_path(SEGMENT)["ARGUMENTS"]
"""Of segment.launch.py, {name: (default, description)}: what a camera's mapping may set."""


def generate_launch_description() -> LaunchDescription:
    """The list of cameras, the arguments that hold for all of them, and an include of segment.launch.py for each."""
    shared = {name: argument for name, argument in ARGUMENTS.items() if name != "namespace"}
    refuse_unknown(__file__, ["cameras", *shared])
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "cameras",
                default_value=PathJoinSubstitution([FindPackageShare("enet_ros"), "config", "cameras.yaml"]),
                description="YAML list of cameras, inline or the path of a file",
            ),
            *(
                DeclareLaunchArgument(name, default_value=default, description=f"For every camera: {description}")
                for name, (default, description) in shared.items()
            ),
            OpaqueFunction(function=_nodes),
        ]
    )


def _nodes(context: LaunchContext) -> list[GroupAction]:
    source = PythonLaunchDescriptionSource(SEGMENT)
    cameras = _cameras(LaunchConfiguration("cameras").perform(context))
    return [GroupAction([IncludeLaunchDescription(source, launch_arguments=camera.items())]) for camera in cameras]


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
    if len({camera["namespace"] for camera in cameras}) < len(cameras):
        raise ConfigError(f"cameras {values!r} share a namespace: each needs its own")
    return cameras


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
