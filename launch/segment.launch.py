"""One camera, one segmentation node, brought to active.

ros2 launch enet_ros segment.launch.py image:=/camera/image_raw camera_info:=/camera/camera_info
ros2 launch enet_ros segment.launch.py namespace:=front compressed:=true pose_file:=my_camera_pose.yaml
ros2 launch enet_ros segment.launch.py --show-args
"""

import os

from launch import LaunchContext, LaunchDescription
from launch.action import Action
from launch.actions import DeclareLaunchArgument, EmitEvent, OpaqueFunction, RegisterEventHandler
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessStart
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.substitutions import FindPackageShare
from lifecycle_msgs.msg import Transition

CONFIG = PathJoinSubstitution([FindPackageShare("enet_ros"), "config"])

ARGUMENTS = {
    "image": ("image_raw", "Image topic; with compressed:=true the topic under it, IMAGE/compressed"),
    "camera_info": ("camera_info", "CameraInfo topic, for outputs in metres"),
    "compressed": ("", "true: subscribe to CompressedImage"),
    "namespace": ("", "Namespace of the node, e.g. the camera's name"),
    "model": ("", "Shipped model's name or a model file; empty: the parameter file's"),
    "engine": ("", "auto, openvino, onnxruntime, pytorch or tensorrt; empty: the parameter file's"),
    "params_file": ([CONFIG, "/segment.yaml"], "Parameter file"),
    "pose_file": ("", "Second parameter file, of this camera's pose, e.g. a copy of config/camera_pose.yaml"),
    "use_sim_time": ("false", "true: time comes from /clock, as a bag player publishes it"),
    "autostart": ("true", "false: stay unconfigured, for a lifecycle manager of your own"),
    "respawn": ("false", "true: start again when the process ends"),
    "log_level": ("info", "debug, info, warn or error"),
}


def generate_launch_description() -> LaunchDescription:
    """The arguments above, then the node."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_node)])


def _node(context: LaunchContext) -> list[Action]:
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    files = [given[name] for name in ("params_file", "pose_file") if given[name]]
    overrides = {name: given[name] for name in ("model", "engine") if given[name]}
    flags = {name: given[name] == "true" for name in ("compressed", "use_sim_time") if given[name]}
    node = LifecycleNode(
        package="enet_ros",
        executable="segment",
        name="segmentation",
        namespace=given["namespace"],
        parameters=[*files, {**overrides, **flags, "autostart": False}],
        remappings=[
            ("image_raw", given["image"]),
            ("image_raw/compressed", given["image"] + "/compressed"),
            ("camera_info", given["camera_info"]),
        ],
        additional_env=_transport(CONFIG.perform(context)),
        arguments=["--ros-args", "--log-level", given["log_level"]],
        respawn=given["respawn"] == "true",
        output="screen",
        emulate_tty=True,
    )
    return [node, *_autostart(node)]


def _transport(config: str) -> dict[str, str]:
    """Our Fast DDS profile, under the names of Kilted, Jazzy and Humble, unless the user has one."""
    names = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
    if any(os.environ.get(name) for name in names):
        return {}
    return dict.fromkeys(names, os.path.join(config, "fastdds.xml"))


def _autostart(node: LifecycleNode) -> list[Action]:
    """Configure when the process has started, activate when that has succeeded.

    By events, which every distribution has (Humble has no LifecycleNode(autostart=True)), and which serve a respawned
    process too. The node's own parameter autostart is off, so that it is not told twice.
    """

    def change_state(transition: int) -> EmitEvent:
        event = ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition)
        return EmitEvent(event=event)

    wanted = IfCondition(LaunchConfiguration("autostart"))
    configure = change_state(Transition.TRANSITION_CONFIGURE)
    activate = change_state(Transition.TRANSITION_ACTIVATE)
    return [
        RegisterEventHandler(OnProcessStart(target_action=node, on_start=[configure]), condition=wanted),
        RegisterEventHandler(
            OnStateTransition(
                target_lifecycle_node=node,
                start_state="configuring",
                goal_state="inactive",
                entities=[activate],
            ),
            condition=wanted,
        ),
    ]
