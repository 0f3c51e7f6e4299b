"""A camera made of pictures: what it publishes, at which pace, with which clock."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

import rclpy
from from_messages import from_image
from ros_rig import wait_for
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from enet_ros.errors import ConfigError
from enet_ros.frames.files import from_folder
from enet_ros.frames.street import from_street
from enet_ros.ros import qos
from enet_ros.ros.messages import decode
from enet_ros.ros.play.camera import CameraFeed, Look
from enet_ros.ros.play.player import Player, PlayOptions
from enet_ros.stamps import stamp_ns

PICTURES = 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures 0.png to 5.png, 24 x 32, the number in red."""
    (tmp_path / "pictures").mkdir()
    for number in range(PICTURES):
        bgr = np.zeros((24, 32, 3), np.uint8)
        bgr[..., 2] = number
        cv2.imwrite(str(tmp_path / "pictures" / f"{number}.png"), bgr)
    return tmp_path / "pictures"


def listen(node: Any, kind: type, topic: str) -> list[Any]:
    heard: list[Any] = []
    node.create_subscription(kind, topic, heard.append, qos.keep_last(50, "reliable"))
    return heard


@pytest.fixture
def play() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts players, ends them."""
    children: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "enet_ros.ros.play.main", *arguments]
        pipe = subprocess.PIPE
        children.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True))
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.communicate()


def test_an_encoding_that_no_camera_of_ours_sends(ros: int) -> None:
    node = rclpy.create_node("camera")
    with pytest.raises(ConfigError, match="nv12"):
        CameraFeed(node, from_street(1, width=64, height=48), Look(encoding="nv12"), 10.0)
    node.destroy_node()


def test_pictures_arrive_in_order_with_a_calibration(folder: Path, watcher: Any) -> None:
    images, infos = listen(watcher, Image, "image_raw"), listen(watcher, CameraInfo, "camera_info")
    node = rclpy.create_node("camera")
    sent: dict[int, str] = {}
    look = Look(reliability="reliable", depth=10)
    feed = CameraFeed(node, from_folder(folder, 50.0), look, 50.0, sent=sent.__setitem__)
    player, end = Player(node, feed, PlayOptions()), threading.Event()
    assert player.wait_for_listener(20.0, end) and player.run(end).messages == PICTURES
    wait_for(lambda: len(images) == PICTURES)
    node.destroy_node()
    assert list(sent.values()) == [str(n) for n in range(PICTURES)]
    assert list(sent) == [stamp_ns(image.header.stamp) for image in images]
    assert [int(from_image(image)[0, 0, 0]) for image in images] == list(range(PICTURES))
    assert images[0].encoding == "rgb8" and images[0].header.frame_id == "camera_optical_frame"
    assert (infos[0].width, infos[0].height) == (32, 24) and not infos[0].k.any()


@pytest.mark.parametrize("encoding", ["bgr8", "mono8"])
def test_other_encodings(folder: Path, watcher: Any, play: Callable[..., Any], encoding: str) -> None:
    images = listen(watcher, Image, "image_raw")
    child = play("--images", str(folder), "--encoding", encoding, "--reliable", "--wait", "20", "--rate", "50")
    wait_for(lambda: len(images) == PICTURES)
    assert child.wait(20) == 0
    red = [int(decode(image, 10_000)[0, 0, 0]) for image in images]
    assert images[0].encoding == encoding
    assert red == (list(range(PICTURES)) if encoding == "bgr8" else [0, 0, 1, 1, 1, 1])


def test_compressed_in_a_namespace_with_a_field_of_view(folder: Path, watcher: Any, play: Callable[..., Any]) -> None:
    images = listen(watcher, CompressedImage, "/front/image_raw/compressed")
    infos = listen(watcher, CameraInfo, "/front/camera_info")
    arguments = ("--encoding", "png", "--reliable", "--wait", "20", "--rate", "50", "--ros-args", "-r", "__ns:=/front")
    play("--images", str(folder), "--fov", "90", *arguments)
    wait_for(lambda: len(images) == PICTURES)
    assert infos[-1].k == pytest.approx([16, 0, 15.5, 0, 16, 11.5, 0, 0, 1])
    assert [int(decode(image, 10_000)[0, 0, 0]) for image in images] == list(range(PICTURES))


def test_paused_looping_with_a_clock(folder: Path, watcher: Any, play: Callable[..., Any]) -> None:
    from std_srvs.srv import SetBool

    images, clocks = listen(watcher, Image, "image_raw"), listen(watcher, Clock, "/clock")
    pause = watcher.create_client(SetBool, "/camera/pause")
    flags = ("--loop", "--start-paused", "--clock", "--reliable", "--rate", "100")
    play("--images", str(folder), *flags)
    assert pause.wait_for_service(20)
    assert images == []
    done = pause.call_async(SetBool.Request(data=False))
    assert wait_for(done.done) and done.result().message == "playing"
    wait_for(lambda: len(images) > 2 * PICTURES)
    stamps = [stamp_ns(image.header.stamp) for image in images]
    assert np.allclose(np.diff(stamps), 10_000_000, atol=2), "the clock goes by pictures, not by the wall"
    times = [stamp_ns(clock.clock) for clock in clocks]
    assert times == sorted(times)
    paused = pause.call_async(SetBool.Request(data=True))
    assert wait_for(paused.done) and paused.result().message == "paused"


def test_a_missing_source_is_one_line(tmp_path: Path, play: Callable[..., Any]) -> None:
    child = play("--images", str(tmp_path / "none"))
    _, error = child.communicate(timeout=30)
    assert child.returncode == 1
    assert error.startswith("play: ") and "none" in error and "Traceback" not in error
