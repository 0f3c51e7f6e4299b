"""The camera of soak.py: a process that can be killed at any time and still tells how many images it has sent."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

BAD_EVERY = 50
"""Every so many images has a `step` that does not fit."""
ZERO_STAMPS = -1
TAIL_S = 0.5
"""Between the last image and the end of the process: what is under way arrives before its writer is gone."""


class Files(NamedTuple):
    """What outlives a SIGKILL.

    stamps: int64 for each image, written before it is published. sent: int64, how many have been published.
    offset: int64, nanoseconds that the camera's clock is ahead, or ZERO_STAMPS; it follows a change at once.
    """

    stamps: Path
    sent: Path
    offset: Path

    @staticmethod
    def below(folder: Path) -> Files:
        return Files(folder / "stamps", folder / "sent", folder / "offset")


class Task(NamedTuple):
    """What a camera does, as JSON on its command line. folder: of the files."""

    namespace: str
    rate_hz: float
    width: int
    height: int
    folder: str


def publish(task: Task) -> None:
    """Publish from when the node has subscribed until SIGTERM."""
    from sensor_msgs.msg import CameraInfo, Image
    from std_msgs.msg import Header

    from enet_ros.ros import process, qos
    from enet_ros.ros.messages import to_image, to_stamp
    from enet_ros.street import Street

    files = Files.below(Path(task.folder))
    street = Street(0, task.width, task.height)
    pictures = [to_image(street.frame(10 * n).image, "rgb8", Header()) for n in range(8)]
    bad = to_image(street.frame(0).image, "rgb8", Header())
    bad.step += 1
    lens = street.intrinsics
    info = CameraInfo(width=lens.width, height=lens.height, k=lens.k.reshape(-1), distortion_model="plumb_bob")
    with process.running(["camera", "--ros-args", "-r", f"__ns:={task.namespace}"], exit_s=None) as ros:
        node = ros.create_node("camera")
        images = node.create_publisher(Image, "image_raw", qos.keep_last(10, "best_effort"))
        infos = node.create_publisher(CameraInfo, "camera_info", qos.keep_last(1, "reliable"))
        while images.get_subscription_count() == 0 and not ros.stopped.wait(0.02):
            pass
        ros.stopped.wait(1.0)  # both ends of the match
        stamps = os.open(files.stamps, os.O_WRONLY | os.O_APPEND)
        sent = os.open(files.sent, os.O_WRONLY)
        offsets = os.open(files.offset, os.O_RDONLY)
        number, start_s = 0, time.monotonic()
        while not ros.stopped.wait(max(0.0, start_s + number / task.rate_hz - time.monotonic())):
            offset = int.from_bytes(os.pread(offsets, 8, 0), "little", signed=True)
            stamp = 0 if offset == ZERO_STAMPS else time.time_ns() + offset
            message = bad if number % BAD_EVERY == BAD_EVERY - 1 else pictures[number % len(pictures)]
            message.header = info.header = Header(stamp=to_stamp(stamp), frame_id="camera_optical_frame")
            if number % 10 == 0:
                infos.publish(info)
            os.write(stamps, stamp.to_bytes(8, "little", signed=True))
            images.publish(message)
            number += 1
            os.pwrite(sent, number.to_bytes(8, "little"), 0)
        time.sleep(TAIL_S)


if __name__ == "__main__":
    publish(Task(**json.loads(sys.argv[1])))
