"""One node on one scene: its pulse always, its frames now and then.

A node makes an output for whoever subscribes to it. Most are therefore subscribed to for a frame or two at a time:
looking twice a second makes the node compute them for a few of its frames instead of for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np
from nav_msgs.msg import OccupancyGrid
from rcl_interfaces.srv import GetParameters
from rclpy.client import Client
from rclpy.node import Node, NodeNameNonExistentError
from rclpy.parameter import parameter_value_to_python
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header

from enet_ros import messages
from enet_ros.camera import CameraPose
from enet_ros.codec import MAX_PIXELS
from enet_ros.errors import EnetRosError
from enet_ros.msg import FreeSpace, Latency, SegmentationInfo
from enet_ros.products.lens import GeometryError
from enet_ros.ros import qos
from enet_ros.ros.messages import decode
from enet_ros.ros.node.camera_pose import TfPose, from_parameters
from enet_ros.ros.parameters import Parameters
from enet_ros.ros.view.gathering import MASK, PICTURE, Gathering
from enet_ros.ros.view.heart import Heart
from enet_ros.stamps import cdr_stamp_ns, stamp_ns
from enet_ros.viewer import CameraScene, Seen

OUTPUTS: dict[str, type] = {
    MASK: Image,
    "confidence": Image,
    "camera_info": CameraInfo,
    "free_space": FreeSpace,
    "obstacle_points": PointCloud2,
    "free_points": PointCloud2,
    "occupancy_grid": OccupancyGrid,
}
KEPT = "camera_info"
PICTURES: dict[str, type] = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CompressedImage": CompressedImage}
"""The types of the camera's topic, which comes beside the outputs as the part PICTURE."""
_DEPTH = 2
T = TypeVar("T")
_PLACED = ("base_frame", "use_tf", "rectified", *(f"camera_{n}" for n in ("height", "pitch", "roll", "yaw", "x", "y")))
"""Parameters of the node that say where its camera is."""


class NodeView:
    """Shows one segmentation node. All methods belong to the thread that spins the node it is made with."""

    def __init__(self, node: Node, target: str, scene: CameraScene, period_s: float) -> None:
        """target: the segmentation node's full name. period_s: from one look to the next."""
        self.target = target
        self._node, self._scene, self._period_s = node, scene, period_s
        self._look: Gathering | None = None
        self._looking: list[Subscription[Any]] = []
        self._expected = {PICTURE, *OUTPUTS}
        self._picture: type = Image
        self._infos: dict[int, SegmentationInfo] = {}
        self._answered_by: dict[int, int] = {}
        self._unstamped = False
        self._due_s = self._now_s = 0.0
        self._heart = Heart()
        self._parameters = Parameters()
        self._tf: TfPose | None = None
        self._ask: Client[Any, Any] = node.create_client(GetParameters, f"{target}/get_parameters")
        self._latency = node.create_subscription(
            Latency, f"{target}/latency", self._on_latency, qos.keep_last(10, "best_effort")
        )
        self._info = node.create_subscription(SegmentationInfo, f"{target}/info", self._on_info, qos.latched())
        # The smallest output, not of the look alone: without a consumer the node would leave its camera in between.
        self._kept = self._subscribe(KEPT, OUTPUTS[KEPT], f"{target}/{KEPT}")

    def tick(self, now_s: float) -> None:
        """Begin a look, or show what has come. To be called every few hundredths of a second; now_s: monotonic."""
        self._now_s = now_s
        if (pulse := self._heart.pulse(now_s)) is not None:
            self._scene.pulse(pulse)
        if self._look is None:
            if now_s >= self._due_s:
                self._begin()
        elif (stamp := self._look.chosen(now_s)) is not None:
            self._show(stamp, self._look.parts(stamp))
            self._expected = self._look.seen()
            self._end()
            self._due_s = now_s + self._period_s

    def close(self) -> None:
        """Unsubscribe."""
        self._end()
        for subscription in (self._latency, self._info, self._kept):
            self._node.destroy_subscription(subscription)
        self._node.destroy_client(self._ask)

    def text(self, level: str, text: str) -> None:
        """A line for the log."""
        self._scene.text(level, text)

    def _begin(self) -> None:
        if self._ask.service_is_ready():
            self._ask.call_async(GetParameters.Request(names=_PLACED)).add_done_callback(self._on_parameters)
        wanted = [(part, kind, f"{self.target}/{part}") for part, kind in OUTPUTS.items() if part != KEPT]
        for topic, kind in self._cameras():
            self._picture = PICTURES[kind]
            wanted.append((PICTURE, self._picture, topic))
        self._look = Gathering(self._expected)
        self._answered_by = {}
        self._looking = [self._subscribe(*row) for row in wanted]

    def _end(self) -> None:
        self._look = None
        for subscription in self._looking:
            self._node.destroy_subscription(subscription)
        self._looking = []

    def _subscribe(self, part: str, kind: type, topic: str) -> Subscription[Any]:
        profile = qos.keep_last(_DEPTH, "best_effort")
        receive: Callable[[bytes], None] = partial(self._on_part, part)
        return self._node.create_subscription(kind, topic, receive, profile, raw=True)

    def _cameras(self) -> list[tuple[str, str]]:
        """(topic, type) of images that the node subscribes to: one, or none while nobody wants its answers."""
        namespace, _, name = self.target.rpartition("/")
        try:
            heard = self._node.get_subscriber_names_and_types_by_node(name, namespace or "/")
        except NodeNameNonExistentError:  # it has just ended
            return []
        return [(topic, kind) for topic, kinds in heard for kind in kinds if kind in PICTURES]

    def _on_part(self, part: str, cdr: bytes) -> None:
        stamp = cdr_stamp_ns(cdr)
        if stamp == 0:  # different images' all look like one
            if not self._unstamped:
                self.text("WARN", "images have no stamp, so none is shown: have the camera's driver fill header.stamp")
            self._unstamped = True
        elif self._look is not None:
            self._look.add(stamp, part, cdr)

    def _on_latency(self, latency: Latency) -> None:
        self._heart.beat(latency)
        if self._look is not None:
            stamp = stamp_ns(latency.header.stamp)
            self._answered_by[stamp] = latency.model_number
            self._look.finish(stamp, self._now_s)

    def _on_info(self, info: SegmentationInfo) -> None:
        self._infos[info.model_number] = info
        size = f"{info.network_width}x{info.network_height}"
        self.text("INFO", f"{info.model} on {info.engine} ({info.runtime}), {info.device}, {info.precision}, {size}")

    def _on_parameters(self, answered: Future[Any]) -> None:
        response = answered.result()
        if response is not None and len(response.values) == len(_PLACED):
            values: dict[str, Any] = {
                name: parameter_value_to_python(value) for name, value in zip(_PLACED, response.values, strict=True)
            }
            self._parameters = Parameters(**values)

    def _show(self, stamp: int, parts: Mapping[str, bytes]) -> None:
        """Parts that cannot be read are left out, with a line in the log.

        So is a frame whose classes are not known: an exchange of models may be under way.
        """
        info = self._infos.get(self._answered_by[stamp])
        if info is None:
            return
        self._scene.classes(info.class_names, np.array(info.class_colors, np.uint8).reshape(-1, 3))
        try:
            self._scene.show(self._seen(stamp, parts))
        except EnetRosError as error:
            self.text("WARN", f"a frame cannot be shown: {error}")

    def _pose(self, header: Header) -> CameraPose | None:
        """Where the node's parameters or TF have the camera."""
        if not self._parameters.use_tf:
            return from_parameters(self._parameters)
        self._tf = self._tf or TfPose(self._node)
        try:
            return self._tf.at(header, self._parameters.base_frame)
        except GeometryError:
            return None

    def _seen(self, stamp_ns: int, parts: Mapping[str, bytes]) -> Seen:
        """The frame of these serialized messages. Raises ImageError."""
        kinds = OUTPUTS | {PICTURE: self._picture}
        read: dict[str, Any] = {part: deserialize_message(cdr, kinds[part]) for part, cdr in parts.items()}

        def read_by(convert: Callable[[Any], T], part: str) -> T | None:
            return convert(read[part]) if part in read else None

        camera = read_by(partial(messages.intrinsics, rectified=self._parameters.rectified), "camera_info")
        return Seen(
            stamp_ns,
            read_by(partial(decode, max_pixels=MAX_PIXELS), PICTURE),
            messages.label_ids(read[MASK]),
            confidence=read_by(messages.label_ids, "confidence"),
            camera=camera if camera is not None and camera.k[0, 0] else None,
            pose=self._pose(read[MASK].header),
            free_space=read_by(messages.free_space_of, "free_space"),
            obstacle_points=read_by(messages.points_of, "obstacle_points"),
            free_points=read_by(messages.points_of, "free_points"),
            grid=read_by(messages.occupancy_grid_of, "occupancy_grid"),
        )
