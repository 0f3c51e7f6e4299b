"""One camera, one segmentation node, brought to active.

ros2 launch enet_ros segment.launch.py image:=/camera/image_raw camera_info:=/camera/camera_info
ros2 launch enet_ros segment.launch.py namespace:=front image_transport:=compressed pose_file:=my_camera_pose.yaml
ros2 launch enet_ros segment.launch.py --show-args
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from enet_ros.figures import parse_size
from enet_ros.ros.launch_arguments import flag, number, refuse_unknown

CONFIG = PathJoinSubstitution([FindPackageShare("enet_ros"), "config"])

ARGUMENTS = {
    "image": ("image_raw", "Image topic; with image_transport:=compressed the topic IMAGE/compressed"),
    "camera_info": ("camera_info", "CameraInfo topic, for outputs in metres"),
    "image_transport": ("", "raw or compressed; empty: as in the parameter file"),
    "namespace": ("", "Namespace of the node, for example the camera's name"),
    "model": ("", "Name of a shipped model, or a model file; empty: as in the parameter file"),
    "engine": ("", "auto, openvino, onnxruntime, pytorch or tensorrt; empty: as in the parameter file"),
    "precision": ("", "auto, fp32, fp16, bf16 or int8; empty: as in the parameter file"),
    "device": ("", "Device, as the engine names it; empty: as in the parameter file"),
    "threads": ("", "CPU threads of the engine, 0 for its own choice; empty: as in the parameter file"),
    "input_size": ("", "Size of the network's input as WIDTHxHEIGHT, such as 480x360; empty: as in the parameter file"),
    "max_rate": ("", "Images answered per second, evenly chosen, 0 for all; empty: as in the parameter file"),
    "priority": ("", "Turns relative to other cameras of the same process; empty: as in the parameter file"),
    "params_file": ([CONFIG, "/segment.yaml"], "Parameter file"),
    "pose_file": ("", "Second parameter file, with this camera's pose: a copy of config/camera_pose.yaml"),
    "use_sim_time": ("false", "true: take the time from /clock, as bag players publish it"),
    "autostart": ("true", "false: stay unconfigured, for a lifecycle manager of your own"),
    "respawn": ("false", "true: start the node again when its process ends"),
    "respawn_delay": ("2.0", "Seconds to wait before a respawn"),
    "log_level": ("info", "debug, info, warn or error"),
}
"""Name: (default, description)."""


def generate_launch_description() -> LaunchDescription:
    """The arguments above, then the node."""
    refuse_unknown(__file__, ARGUMENTS)
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_node)])


def _node(context: LaunchContext) -> list[LifecycleNode]:
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    # The node configures and activates itself. launch_ros could ask it to (autostart=True), but not on Humble, and
    # not when a crashed process comes back: its request goes to the dead one.
    node = LifecycleNode(
        package="enet_ros",
        executable="segment",
        name="segmentation",
        namespace=given["namespace"],
        parameters=[*parameter_files(given), {name: _typed(value) for name, value in parameters(given).items()}],
        remappings=remappings(given),
        **process(given),
    )
    return [node]


def process(given: dict[str, str]) -> dict[str, object]:
    """How the process is run: what LifecycleNode and Node take alike."""
    return {
        "ros_arguments": ["--log-level", given["log_level"]],
        "respawn": flag("respawn", given["respawn"]),
        "respawn_delay": number("respawn_delay", given["respawn_delay"], float),
        "output": "screen",
        "emulate_tty": True,
    }


def remappings(given: dict[str, str]) -> list[tuple[str, str]]:
    """(from, to) of the camera's topics."""
    image = given["image"]
    return [
        ("image_raw", image),
        ("image_raw/compressed", f"{image}/compressed"),
        ("camera_info", given["camera_info"]),
    ]


def parameter_files(given: dict[str, str]) -> list[str]:
    """Paths; a later file has the last word."""
    return [given[name] for name in ("params_file", "pose_file") if given[name]]


def parameters(given: dict[str, str]) -> dict[str, bool | int | float | str]:
    """The parameters that arguments set over the files; an empty argument sets none."""
    texts = ("image_transport", "model", "engine", "precision", "device")
    values: dict[str, bool | int | float | str] = {name: given[name] for name in texts if given[name]}
    for name in ("use_sim_time", "autostart"):
        if given[name]:
            values[name] = flag(name, given[name])
    if given["threads"]:
        values["threads"] = number("threads", given["threads"], int)
    for name in ("max_rate", "priority"):
        if given[name]:
            values[name] = number(name, given[name], float)
    if given["input_size"]:
        values["input_height"], values["input_width"] = parse_size("input_size", given["input_size"])
    return values


def _typed(value: bool | int | float | str) -> object:
    """launch_ros would read a string as YAML: a model named 1 is no number."""
    return ParameterValue(value, value_type=str) if isinstance(value, str) else value
