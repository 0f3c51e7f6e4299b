"""Every encoding that cv_bridge converts, against cv_bridge."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from enet_ros.codec import ENCODINGS, RawImage, to_rgb

cv_bridge = pytest.importorskip("cv_bridge", reason="cv_bridge is not installed (apt: ros-DISTRO-cv-bridge)")
sensor_msgs = pytest.importorskip("sensor_msgs.msg", reason="sensor_msgs is not installed")

NOT_IN_CV_BRIDGE = {"uyvy", "yuyv", "nv12", "nv21", "nv24"}
GENERIC = {"8UC1": "y", "8UC3": "bgr", "8UC4": "bgra", "16UC1": "y", "16UC3": "bgr", "16UC4": "bgra"}


def expected_rgb(encoding: str, message: object) -> np.ndarray:
    """What cv_bridge makes of the message; its generic types have no colours, so theirs are picked here."""
    bridge = cv_bridge.CvBridge()
    if encoding not in GENERIC:
        return np.asarray(bridge.imgmsg_to_cv2(message, "rgb8")).astype(int)
    values = np.asarray(bridge.imgmsg_to_cv2(message, "passthrough")).reshape(12, 16, -1).astype(int)
    picked = [0, 0, 0] if GENERIC[encoding] == "y" else [GENERIC[encoding].index(c) for c in "rgb"]
    return values[..., picked] >> (8 if encoding.startswith("16") else 0)


@pytest.mark.parametrize("padding", [0, 2])
@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name not in NOT_IN_CV_BRIDGE])
def test_same_as_cv_bridge(encoding: str, padding: int) -> None:
    layout = ENCODINGS[encoding]
    pixel_bytes = layout.channels * layout.sample_bytes
    step = (16 + padding) * pixel_bytes  # cv_bridge needs whole pixels
    data = np.random.default_rng(1).integers(0, 256, 12 * step, dtype=np.uint8).tobytes()
    message = sensor_msgs.Image(encoding=encoding, height=12, width=16, step=step, data=array("B", data))
    got = to_rgb(RawImage(encoding, 12, 16, step, False, data)).astype(int)
    # 16 bit: cv_bridge rounds v / 257 where v >> 8 is taken here.
    tolerance = 1 if layout.sample_bytes == 2 else 0
    assert np.abs(got - expected_rgb(encoding, message)).max() <= tolerance
