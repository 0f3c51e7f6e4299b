"""One camera, one segmentation node, brought to active.

ros2 launch enet_ros segment.launch.py image:=/camera/image_raw camera_info:=/camera/camera_info
ros2 launch enet_ros segment.launch.py namespace:=front compressed:=true pose_file:=my_camera_pose.yaml
ros2 launch enet_ros segment.launch.py --show-args
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.substitutions import FindPackageShare

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


def _node(context: LaunchContext) -> list[LifecycleNode]:
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    files = [given[name] for name in ("params_file", "pose_file") if given[name]]
    overrides = {name: given[name] for name in ("model", "engine") if given[name]}
    flags = {name: _flag(name, given[name]) for name in ("compressed", "use_sim_time", "autostart") if given[name]}
    # The node configures and activates itself. launch_ros could ask it to (autostart=True), but not on Humble, and
    # not when a crashed process comes back: its request goes to the dead one.
    node = LifecycleNode(
        package="enet_ros",
        executable="segment",
        name="segmentation",
        namespace=given["namespace"],
        parameters=[*files, {**overrides, **flags}],
        remappings=[
            ("image_raw", given["image"]),
            ("image_raw/compressed", given["image"] + "/compressed"),
            ("camera_info", given["camera_info"]),
        ],
        arguments=["--ros-args", "--log-level", given["log_level"]],
        respawn=_flag("respawn", given["respawn"]),
        output="screen",
        emulate_tty=True,
    )
    return [node]


def _flag(name: str, text: str) -> bool:
    """An argument that is true or false, in any case, as ROS reads them; ValueError for anything else."""
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{name} is {text!r}: give true or false")
    return text.lower() == "true"
