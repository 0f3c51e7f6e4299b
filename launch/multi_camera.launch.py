"""A segmentation node for each camera of one list.

ros2 launch enet_ros multi_camera.launch.py cameras:="[front, left, right]"
ros2 launch enet_ros multi_camera.launch.py cameras:=my_cameras.yaml model:=camvid

The list is YAML, inline or in a file (config/cameras.yaml shows one). An element is a namespace, whose camera
publishes NAMESPACE/image_raw, or a mapping of arguments of segment.launch.py. Other arguments given here hold
for every camera whose mapping does not say otherwise.
"""

import os

import yaml
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

SHARE = FindPackageShare("enet_ros")


def generate_launch_description() -> LaunchDescription:
    """The list of cameras, then one include of segment.launch.py for each."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "cameras",
                default_value=PathJoinSubstitution([SHARE, "config", "cameras.yaml"]),
                description="YAML list of cameras, inline or the path of a file",
            ),
            OpaqueFunction(function=_nodes),
        ]
    )


def _nodes(context: LaunchContext) -> list[GroupAction]:
    source = PythonLaunchDescriptionSource(PathJoinSubstitution([SHARE, "launch", "segment.launch.py"]))
    cameras = _cameras(LaunchConfiguration("cameras").perform(context))
    declared = source.get_launch_description(context).get_launch_arguments()
    _refuse_unknown(cameras, {argument.name for argument in declared})
    return [GroupAction([IncludeLaunchDescription(source, launch_arguments=camera.items())]) for camera in cameras]


def _cameras(text: str) -> list[dict[str, str]]:
    """segment.launch.py's arguments for each camera; raises ValueError naming the element that is wrong."""
    if os.path.isfile(text):
        with open(text, encoding="utf-8") as file:
            text = file.read()
    values = yaml.safe_load(text)
    if isinstance(values, dict):
        values = values.get("cameras")
    if not isinstance(values, list) or not values:
        raise ValueError(f"cameras is {text!r}: give a YAML list such as [front, rear], or a file of one")
    cameras = []
    for value in values:
        camera = {"namespace": value} if isinstance(value, str) else value
        if not isinstance(camera, dict) or not camera.get("namespace"):
            raise ValueError(f"camera {value!r} has no namespace: give a name, or a mapping with 'namespace'")
        cameras.append({name: _text(item) for name, item in camera.items()})
    if len({camera["namespace"] for camera in cameras}) < len(cameras):
        raise ValueError(f"cameras {values!r} share a namespace: each needs its own")
    return cameras


def _refuse_unknown(cameras: list[dict[str, str]], known: set[str]) -> None:
    """launch would pass over a misspelt argument; ValueError names it."""
    for camera in cameras:
        if unknown := sorted(set(camera) - known):
            raise ValueError(
                f"camera {camera['namespace']!r} has {unknown[0]!r}, no argument of segment.launch.py: "
                f"use {', '.join(sorted(known))}"
            )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
