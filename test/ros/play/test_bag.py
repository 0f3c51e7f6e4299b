"""A bag over real DDS: every message, byte for byte, on its topic."""

# ruff: noqa: E402  (what needs rclpy comes after the skip without it)
from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import SetBool

from enet_ros.bags import BagReader, BagWriter
from enet_ros.bags.create import BagLayout, create
from enet_ros.errors import BagError
from enet_ros.frames.street import from_street
from enet_ros.msg import Latency
from enet_ros.ros.play.bag import BagFeed, BagOptions
from enet_ros.ros.play.player import Player, PlayOptions
from enet_ros.stamps import stamp_ns

VERB = [sys.executable, "-c", "import sys; from enet_ros.cli import main; sys.exit(main())"]
RELIABLE = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("play") / "bag"
    create(out, from_street(6, rate_hz=50.0, width=64, height=48), BagLayout())
    return out


def spin_until(node: Node, done: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "nothing came in time"
        rclpy.spin_once(node, timeout_sec=0.05)


class Ear:
    """A node that keeps the serialized messages of some topics."""

    def __init__(self, topics: dict[str, Any]) -> None:
        self.node = Node("ear")
        self.heard: dict[str, list[bytes]] = {name: [] for name in topics}
        for name, kind in topics.items():
            self.node.create_subscription(kind, name, self.heard[name].append, RELIABLE, raw=True)

    def count(self, name: str) -> int:
        return len(self.heard[name])


def play(ear: Ear, bag: Path, options: BagOptions, clock_hz: float = 0.0) -> None:
    """Play to the end while the ear listens."""
    sender = Node("sender")
    stop = threading.Event()
    with BagReader(bag) as reader:
        player = Player(sender, BagFeed(sender, reader, options), PlayOptions(clock_hz=clock_hz))
        spin_until(ear.node, lambda: all(one.get_publisher_count() for one in ear.node.subscriptions))
        assert player.wait_for_listener(20, stop)
        thread = threading.Thread(target=player.run, args=(stop,))
        thread.start()
        try:
            spin_until(ear.node, lambda: not thread.is_alive())
        finally:
            stop.set()
            thread.join()
    spin_until(ear.node, lambda: all(ear.heard.values()))
    sender.destroy_node()


def recorded(bag: Path, topic: str) -> list[bytes]:
    with BagReader(bag) as reader:
        return [message.data for message in reader.messages((topic,))]


def test_messages_arrive_as_they_were_recorded(ros: int, bag: Path) -> None:
    ear = Ear({"/front": Image, "/camera/camera_info": CameraInfo, "/clock": Clock})
    remap = {"/camera/image_raw": "/front"}
    play(ear, bag, BagOptions(remap=remap, exclude=("/camera/ground_truth",)), clock_hz=200.0)
    spin_until(ear.node, lambda: ear.count("/front") == 6 and ear.count("/camera/camera_info") == 6)
    assert ear.heard["/front"] == recorded(bag, "/camera/image_raw")
    assert ear.heard["/camera/camera_info"] == recorded(bag, "/camera/camera_info")
    from rclpy.serialization import deserialize_message

    def times() -> list[int]:
        return [stamp_ns(deserialize_message(data, Clock).clock) for data in ear.heard["/clock"]]

    spin_until(ear.node, lambda: times()[-1] == 120_000_000)  # recorded time: the bag's stamps are 0.02..0.12 s
    assert times() == sorted(times())
    assert times()[0] == 20_000_000
    assert {20_000_000 * number for number in range(1, 7)} <= set(times()), "each message's time goes out before it"
    ear.node.destroy_node()


def test_restamped_messages_keep_everything_else(ros: int, bag: Path) -> None:
    ear = Ear({"/camera/image_raw": Image, "/camera/ground_truth": Image})
    before = time.time_ns()
    play(ear, bag, BagOptions(restamp=True))
    spin_until(ear.node, lambda: ear.count("/camera/image_raw") == 6 and ear.count("/camera/ground_truth") == 6)
    images, truths = ear.heard["/camera/image_raw"], ear.heard["/camera/ground_truth"]
    assert [d[12:] for d in images] == [d[12:] for d in recorded(bag, "/camera/image_raw")]
    assert [d[:12] for d in images] == [d[:12] for d in truths]  # still one stamp for image and truth
    stamps = [int.from_bytes(d[4:8], "little") * 10**9 + int.from_bytes(d[8:12], "little") for d in images]
    assert [b - a for a, b in pairwise(stamps)] == [20_000_000] * 5
    assert before < stamps[0] < time.time_ns()
    ear.node.destroy_node()


def test_a_compressed_mask_goes_out_raw_where_asked(ros: int, tmp_path: Path) -> None:
    from enet_ros.bags.messages import COMPRESSED, image_cdr, to_cdr
    from enet_ros.messages import Header, compressed

    ids = np.arange(48, dtype=np.uint8).reshape(6, 8)
    rgb = np.full((6, 8, 3), (200, 100, 0), np.uint8)
    topics = {"/seg/mask/compressed": ids, "/seg/color/compressed": rgb, "/seg/other/compressed": ids}
    with BagWriter(tmp_path / "bag") as writer:
        for topic, pixels in topics.items():
            writer.add_topic(topic, COMPRESSED)
            writer.write(topic, 1, to_cdr(Header(7, "eye"), compressed(pixels, "png")))
    ear = Ear({"/seg/mask": Image, "/front": Image, "/seg/other/compressed": CompressedImage})
    named = ("/seg/mask/compressed", "/seg/color/compressed")
    play(ear, tmp_path / "bag", BagOptions(decompress=named, remap={"/seg/color/compressed": "/front"}))
    assert ear.heard["/seg/mask"] == [bytes(image_cdr(Header(7, "eye"), ids, "mono8"))]
    assert ear.heard["/front"] == [bytes(image_cdr(Header(7, "eye"), rgb, "rgb8"))]
    assert ear.heard["/seg/other/compressed"] == recorded(tmp_path / "bag", "/seg/other/compressed")
    ear.node.destroy_node()


def test_what_is_not_compressed_cannot_be_decompressed(ros: int, bag: Path) -> None:
    node = Node("sender")
    with BagReader(bag) as reader, pytest.raises(BagError, match="/camera/image_raw is of type .*: it cannot be decom"):
        BagFeed(node, reader, BagOptions(decompress=("/camera/image_raw",)))
    node.destroy_node()


def test_a_latched_topic_reaches_those_who_come_late(ros: int, tmp_path: Path) -> None:
    from enet_ros.labelling.outputs import LATCHED

    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/info", "std_msgs/msg/String", qos=(LATCHED,))
        writer.write("/info", 1, b"\x00\x01\x00\x00\x03\x00\x00\x00hi\x00")
    from std_msgs.msg import String

    sender, listener, heard = Node("sender"), Node("listener"), []
    with BagReader(tmp_path / "bag") as reader:
        player = Player(sender, BagFeed(sender, reader, BagOptions()), PlayOptions())
        assert player.run(threading.Event()).messages == 1
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        listener.create_subscription(String, "/info", heard.append, latched)
        spin_until(listener, lambda: bool(heard))
    assert heard[0].data == "hi"
    sender.destroy_node()
    listener.destroy_node()


def test_types_that_are_not_installed_are_skipped_and_told(ros: int, tmp_path: Path, bag: Path) -> None:
    with BagReader(bag) as reader, BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/thing", "acme_msgs/msg/Thing", like=thing(reader))
        writer.write("/thing", 1, b"\0\1\0\0\0\0\0\0")
    node = Node("sender")
    with (
        BagReader(tmp_path / "bag") as reader,
        pytest.raises(BagError, match=r"nothing to play; the types of /thing \[acme"),
    ):
        BagFeed(node, reader, BagOptions())
    with BagReader(bag) as reader, BagWriter(tmp_path / "earlier") as writer:
        writer.add_topic("/info", "enet_ros/msg/Latency", like=thing(reader, "enet_ros/msg/Latency"))
        writer.write("/info", 1, b"\0\1\0\0\0\0\0\0")
    with BagReader(tmp_path / "earlier") as reader, pytest.raises(BagError, match="/Latency, recorded with other fie"):
        BagFeed(node, reader, BagOptions())
    with BagReader(bag) as reader, pytest.raises(BagError, match="has no topic '/typo'"):
        BagFeed(node, reader, BagOptions(exclude=("/typo",)))
    node.destroy_node()


def test_earlier_messages_are_left_out_of_bags_without_definitions(ros: int, tmp_path: Path, bag: Path) -> None:
    """SQLite before Iron has no digests either: the first message tells."""
    latency = serialize_message(Latency(model_number=3))
    sent = {"/earlier": latency[:-8], "/today": latency}
    with BagWriter(tmp_path / "bag", storage="sqlite3") as writer:
        for name, data in sent.items():
            writer.add_topic(name, "enet_ros/msg/Latency")
            writer.write(name, 1, data)
    (file,) = (tmp_path / "bag").glob("*.db3")
    (tmp_path / "bag" / "metadata.yaml").unlink()
    with closing(sqlite3.connect(file)) as base:
        base.execute("DELETE FROM message_definitions")
        base.execute("UPDATE topics SET type_description_hash = ''")
        base.commit()
    node = Node("sender")
    with BagReader(file) as reader:
        feed = BagFeed(node, reader, BagOptions())
        assert feed.skipped == ["/earlier [enet_ros/msg/Latency, recorded with other fields]"]
    node.destroy_node()


def thing(reader: BagReader, name: str = "acme_msgs/msg/Thing") -> Any:
    from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat

    some = reader.topics[0].connection
    return some._replace(msgtype=name, msgdef=MessageDefinition(MessageDefinitionFormat.MSG, "int32 x"), digest="")


@pytest.mark.parametrize("flags", [("--clock", "100"), ("--clock", "10", "--rate", "2")])
def test_no_stamp_lies_in_the_future_of_a_node_with_simulated_time(
    rig: Callable[..., Any], tmp_path: Path, flags: tuple[str, ...]
) -> None:
    from ros_rig import wait_for

    create(tmp_path / "bag", from_street(25, rate_hz=30.0, width=64, height=48), BagLayout(compression="none"))
    r = rig(use_sim_time=True, lazy=False)
    latencies = r.listen("latency", Latency)
    r.start()
    arguments = ["bag", "play", str(tmp_path / "bag"), "--remap", "/camera/image_raw:=/image_raw", "--wait", "20"]
    with subprocess.Popen([*VERB, *arguments, *flags], stdin=subprocess.DEVNULL) as player:
        wait_for(lambda: player.poll() is not None)
    assert player.returncode == 0
    wait_for(lambda: len(latencies) >= 3)  # a busy machine answers the newest images only
    clocks = Counter(latency.clock for latency in latencies)
    assert clocks == {Latency.CLOCK_OK: len(latencies)}
    assert all(0 <= latency.transport_ms < 1000 for latency in latencies)


def test_the_verb_starts_paused_loops_and_ends_on_sigint(ros: int, bag: Path) -> None:
    ear = Ear({"/camera/image_raw": Image})
    player = subprocess.Popen(
        [*VERB, "bag", "play", str(bag), "--start-paused", "--loop", "--wait", "20"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    try:
        client = ear.node.create_client(SetBool, "/player/pause")
        spin_until(ear.node, client.service_is_ready)
        for _ in range(5):
            rclpy.spin_once(ear.node, timeout_sec=0.02)
        assert ear.count("/camera/image_raw") == 0
        answer = client.call_async(SetBool.Request(data=False))
        spin_until(ear.node, lambda: answer.done() and ear.count("/camera/image_raw") > 6)  # begun again
        assert answer.result().message == "playing"
        player.send_signal(signal.SIGINT)
        _, complaint = player.communicate(timeout=20)
        assert player.returncode == 0
        assert "messages, at most" in complaint
    finally:
        player.kill()
        player.wait()
    ear.node.destroy_node()
