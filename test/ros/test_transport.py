"""config/fastdds.xml over real DDS: best-effort 1280x720 images, which Fast DDS loses at its defaults, arrive."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
pytest.importorskip("sensor_msgs", reason="sensor_msgs is not installed")

from rclpy.qos import QoSProfile, ReliabilityPolicy  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

PROFILE = Path(__file__).resolve().parents[2] / "config" / "fastdds.xml"
SENT = 20

CAMERA = f"""
import array, time, rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node("camera")
qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
publisher = node.create_publisher(Image, "image_raw", qos)
while publisher.get_subscription_count() == 0:
    time.sleep(0.05)
data = array.array("B", bytes(range(256)) * 10800)
for _ in range({SENT}):
    publisher.publish(Image(height=720, width=1280, encoding="rgb8", step=3840, data=data))
    time.sleep(1 / 30)
time.sleep(0.5)
"""


def test_large_images_arrive(ros: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if rclpy.get_rmw_implementation_identifier() != "rmw_fastrtps_cpp":
        pytest.skip("the profile is Fast DDS's, and another middleware is in use")
    for name in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):
        monkeypatch.setenv(name, str(PROFILE))
    received: list[Image] = []
    node = rclpy.create_node("receiver")
    best_effort = QoSProfile(depth=SENT, reliability=ReliabilityPolicy.BEST_EFFORT)
    node.create_subscription(Image, "image_raw", received.append, best_effort)
    with subprocess.Popen([sys.executable, "-c", CAMERA]) as camera:
        while camera.poll() is None:
            rclpy.spin_once(node, timeout_sec=0.1)
    for _ in range(SENT):  # what has arrived and waits
        rclpy.spin_once(node, timeout_sec=0)
    node.destroy_node()
    assert len(received) >= 0.75 * SENT  # at the defaults: none, or one in twenty
    assert all(bytes(image.data) == bytes(range(256)) * 10800 for image in received)
