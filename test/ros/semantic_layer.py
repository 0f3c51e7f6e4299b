"""A program: the node beside a stand-in for Nav2's semantic_segmentation_layer, over DDS. Prints what the layer saw.

The stand-in subscribes with the layer's QoS and takes a mask in by the layer's own steps
(semantic_segmentation_layer.cpp, segmentation_buffer.cpp): class map first, then mask, confidence and point cloud of
one stamp. The cloud is the node's own, as on a robot without a depth camera.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from from_messages import from_point_cloud
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header
from vision_msgs.msg import LabelInfo

from enet_ros.ros.messages import to_image
from enet_ros.ros.node import EnetNode

HEIGHT, WIDTH = 120, 160
STAMPS = [(5, 7), (5, 40_000_007), (2_000_000_000, 999_999_999)]
FRAME = "camera_color_optical_frame"


class SemanticLayer(Node):
    """Its parameters name the classes and their costs; here all are traversable."""

    def __init__(self, topics: str = "/segmentation") -> None:
        super().__init__("local_costmap")
        latched = QoSProfile(
            depth=5, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
        )
        self.ids: dict[str, int] | None = None
        self.masks: dict[tuple[int, int], Image] = {}
        self.confidences: dict[tuple[int, int], Image] = {}
        self.clouds: dict[tuple[int, int], PointCloud2] = {}
        self.create_subscription(LabelInfo, f"{topics}/label_info", self.on_label_info, latched)
        self.create_subscription(Image, f"{topics}/mask", self.keeper(self.masks), qos_profile_sensor_data)
        self.create_subscription(Image, f"{topics}/confidence", self.keeper(self.confidences), qos_profile_sensor_data)
        self.create_subscription(
            PointCloud2, f"{topics}/ground_points", self.keeper(self.clouds), qos_profile_sensor_data
        )

    def on_label_info(self, message: LabelInfo) -> None:
        # std::unordered_map<std::string, uint8_t>
        self.ids = {each.class_name: each.class_id & 0xFF for each in message.class_map}

    def keeper(self, kept: dict[tuple[int, int], Any]) -> Callable[[Any], None]:
        def keep(message: Any) -> None:
            kept[(message.header.stamp.sec, message.header.stamp.nanosec)] = message

        return keep

    def has(self, stamp: tuple[int, int]) -> bool:
        return all(stamp in kept for kept in (self.masks, self.confidences, self.clouds))

    def buffer(self, stamp: tuple[int, int]) -> dict[str, Any]:
        """What syncSegmConfPointcloudCb and bufferSegmentation make of one frame."""
        if self.ids is None:
            return {"rejected": "no class map"}
        mask, confidence, cloud = self.masks[stamp], self.confidences[stamp], self.clouds[stamp]
        if mask.width * mask.height != cloud.width * cloud.height:
            return {"rejected": "point cloud and mask differ in size"}
        if len(mask.data) < mask.width * mask.height or len(confidence.data) < mask.width * mask.height:
            return {"rejected": "array too short"}
        # data[v * width + u], whatever step says
        classes = np.frombuffer(mask.data, np.uint8)[: mask.width * mask.height]
        points = from_point_cloud(cloud).reshape(-1, 3)
        finite = np.isfinite(points[:, 2])
        distance = np.linalg.norm(np.where(finite[:, None], points, 0), axis=1)
        used = finite & (distance > 0.3) & (distance < 5.0)  # min_, max_obstacle_distance by default
        known = np.isin(classes, list(self.ids.values()))
        return {
            "encoding": [mask.encoding, confidence.encoding],
            "size": [mask.height, mask.width],
            "confidence_size": [confidence.height, confidence.width],
            "step": [mask.step, confidence.step],
            "bytes": [len(mask.data), len(confidence.data)],
            "frame_id": [mask.header.frame_id, confidence.header.frame_id],
            "strangers": sorted(set(classes[~known].tolist())),
            "observations": int((known & used).sum()),
            "cloud_frame": cloud.header.frame_id,
            "tiles": len(np.unique(np.floor(points[known & used, :2] / 0.05), axis=0)),
            "mean_confidence": float(np.frombuffer(confidence.data, np.uint8).mean()),
        }


def main() -> None:
    rclpy.init(args=[])
    values = {"threads": 1, "warmup": 0, "camera_height": 0.6, "camera_pitch": 0.3}
    node = EnetNode(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])
    camera, layer = Node("camera"), SemanticLayer()
    executor = SingleThreadedExecutor()
    for each in (node, camera, layer):
        executor.add_node(each)

    def wait(done: Callable[[], bool], what: str) -> None:
        for _ in range(1200):
            if done():
                return
            executor.spin_once(timeout_sec=0.05)
        sys.exit(f"waited in vain for {what}")

    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
    wait(lambda: layer.ids is not None, "the class map, before any image was sent")
    masks_before_class_map = len(layer.masks)
    images = camera.create_publisher(Image, "/image_raw", 1)
    infos = camera.create_publisher(CameraInfo, "/camera_info", 1)
    info = CameraInfo(height=HEIGHT, width=WIDTH, distortion_model="plumb_bob")
    info.k = np.array([[150.0, 0, 79.5], [0, 150.0, 59.5], [0, 0, 1]]).ravel()
    wait(lambda: images.get_subscription_count() > 0, "the node's subscription")
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)

    def send(stamp: tuple[int, int]) -> None:
        header = Header(frame_id=FRAME)
        header.stamp.sec, header.stamp.nanosec = stamp
        info.header = header
        infos.publish(info)
        images.publish(to_image(picture, "rgb8", header))
        wait(lambda: stamp in layer.masks, f"the mask of {stamp}")

    for number in range(1, 100):  # until the calibration has got through
        send((1, number))
        if layer.clouds:
            break
    for kept in (layer.masks, layer.confidences, layer.clouds):
        kept.clear()
    for stamp in STAMPS:
        send(stamp)
        wait(lambda stamp=stamp: layer.has(stamp), f"the answer to {stamp}")
    late = SemanticLayer()
    executor.add_node(late)
    wait(lambda: late.ids is not None, "the class map, long after it was sent")
    print(
        json.dumps(
            {
                "masks_before_class_map": masks_before_class_map,
                "ids": layer.ids,
                "late_ids": late.ids,
                "stamps": sorted(map(list, layer.masks)),
                "frames": [layer.buffer(stamp) for stamp in STAMPS],
            }
        )
    )
    node.trigger_deactivate()
    node.trigger_cleanup()
    executor.shutdown()
    for each in (node, camera, layer, late):
        each.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
